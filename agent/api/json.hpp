#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "agent/api/bloat_view.hpp"
#include "agent/api/blocking_view.hpp"
#include "agent/api/views.hpp"
#include "agent/base/result.hpp"
#include "agent/http/message.hpp"
#include "agent/model/alert.hpp"
#include "agent/model/change.hpp"
#include "agent/model/policy_report.hpp"
#include "agent/model/rule_review.hpp"
#include "agent/store/history_file.hpp"
#include "agent/store/integrity.hpp"

// The API's JSON: fields named as in the model, times RFC 3339 in UTC, enumerations by name, durations as seconds in
// <field>_seconds, bytes raw, 64-bit identifiers of PostgreSQL as strings, an absent optional as null. A double that
// JSON cannot hold is one of the strings "NaN", "+Inf", "-Inf".
namespace pgtend::api {

using Json = nlohmann::json;

[[nodiscard]] Json encode(double value);
[[nodiscard]] Json encode(const Labels& labels);
[[nodiscard]] Json encode(const SeriesKey& key);
[[nodiscard]] Json encode(const ServerIdentity& identity);
[[nodiscard]] Json encode(const Evidence& evidence);
[[nodiscard]] Json encode(const Finding& finding);
[[nodiscard]] Json encode(const ChangeDetail& detail);
[[nodiscard]] Json encode(const CostEstimate& cost);
[[nodiscard]] Json encode(const ProposedChange& change);
[[nodiscard]] Json encode(const EffectEstimate& effect);
[[nodiscard]] Json encode(const RefusedAlternative& alternative);
[[nodiscard]] Json encode(const Recommendation& recommendation);
[[nodiscard]] Json encode(const Decision& decision);
[[nodiscard]] Json encode(const Verdict& verdict);
[[nodiscard]] Json encode(const Change& change);
[[nodiscard]] Json encode(const AuditEntry& entry);
[[nodiscard]] Json encode(const Alert& alert);
[[nodiscard]] Json encode(const StatusView& status);
[[nodiscard]] Json encode(const RecommendationView& view);
[[nodiscard]] Json encode(const AdviceLook& look);
[[nodiscard]] Json encode(const ChangeView& view);
[[nodiscard]] Json encode(const ChangeProgress& progress);
[[nodiscard]] Json encode(const AuditVerification& verification);
[[nodiscard]] Json encode(const FreezeView& freeze);
[[nodiscard]] Json encode(const BlockingTreeView& tree);
[[nodiscard]] Json encode(const BloatView& bloat);
[[nodiscard]] Json encode(const store::StorageReport& report);
[[nodiscard]] Json encode(const store::IntegrityReport& report);
[[nodiscard]] Json encode(const store::SessionReport& report);
// samples: [[unix seconds, value], …]
[[nodiscard]] Json encode(const SeriesResult& series);
[[nodiscard]] Json encode(const QueryResult& result);
[[nodiscard]] Json encode(const LintFinding& finding);
[[nodiscard]] Json encode(const ExplainedRule& rule);
[[nodiscard]] Json encode(const RuleBacktest& rule);
[[nodiscard]] Json encode(const BacktestReport& report);
[[nodiscard]] Json encode(const PolicyReport& report);
[[nodiscard]] Json encode(const PolicySimulation& simulation);
[[nodiscard]] Json encode(const PolicyBacktest& backtest);

// A person's plan out of a POST body, in the same form as encode(ProposedChange) gives it; unknown fields are errors.
// Errors: invalid_argument (names the field), not retryable.
[[nodiscard]] Result<ProposedChange> decode_proposed_change(const Json& json);

// {"schema":"pgtend/v1","generated_at":…,"items":[…]} and the same with "item".
[[nodiscard]] Json list_envelope(Json items, UtcTime generated_at);
[[nodiscard]] Json item_envelope(Json item, UtcTime generated_at);

// The HTTP status of an error code; the body carries code, message and, where one is known, a hint.
[[nodiscard]] int http_status(Errc code);
[[nodiscard]] http::Response error_answer(const Error& error);

}  // namespace pgtend::api
