#pragma once

#include <string>
#include <vector>

#include "agent/api/alert_view.hpp"
#include "agent/api/bloat_view.hpp"
#include "agent/api/blocking_view.hpp"
#include "agent/api/history_page.hpp"
#include "agent/api/policy_view.hpp"
#include "agent/api/views.hpp"
#include "agent/model/alert.hpp"
#include "agent/model/change.hpp"
#include "agent/model/history.hpp"
#include "agent/model/rule_review.hpp"
#include "agent/net/task.hpp"
#include "agent/store/active_sessions.hpp"
#include "agent/store/history_file.hpp"
#include "agent/store/integrity.hpp"
#include "agent/store/ledger_types.hpp"

namespace pgtend::api {

// The agent as the API sees it; the engine implements it. Every method may answer unavailable (starting, stopping; the
// API says 503) and not_found for an id that it does not know. `actor` is Identity::name and goes to the audit.
// REQUIRES: I/O thread; the object outlives the server.
class AgentView : public AlertView, public PolicyView {
 public:
  virtual net::TaskResult<StatusView> status() = 0;
  virtual net::TaskResult<std::vector<Finding>> findings() = 0;
  virtual net::TaskResult<std::vector<RecommendationView>> recommendations() = 0;
  virtual net::TaskResult<RecommendationView> recommendation(std::string id) = 0;
  // What the advisors' last run said of each database; none: they have not run yet.
  [[nodiscard]] virtual std::vector<AdviceLook> advice_looks() const = 0;
  // Newest first.
  virtual net::TaskResult<std::vector<ChangeView>> changes(bool open_only, int limit) = 0;
  virtual net::TaskResult<ChangeView> change(std::string id) = 0;
  virtual net::TaskResult<ChangeProgress> change_progress(std::string id) = 0;
  virtual net::TaskResult<std::vector<Alert>> alerts() = 0;
  // Entries with sequence >= from, ascending.
  virtual net::TaskResult<std::vector<AuditEntry>> audit(std::int64_t from, int limit) = 0;
  virtual net::TaskResult<AuditVerification> audit_verify() = 0;
  // What of history is kept, how long and at what size.
  virtual net::TaskResult<store::StorageReport> history_report() = 0;
  // Reads all of history.db and checks every sum. Seconds for a large file.
  virtual net::TaskResult<store::IntegrityReport> history_check() = 0;
  // Copies history.db to a new file on the agent's machine. Errors: conflict (it exists), unavailable (there is none).
  virtual net::TaskResult<std::string> history_backup(std::string to) = 0;

  // Makes the change of a recommendation and approves it. Errors: conflict (the plan's hash is another by now, or a
  // change is open), refused (policy, freeze, standby).
  virtual net::TaskResult<ChangeView> approve_recommendation(std::string id, std::string plan_hash,
                                                             std::string actor) = 0;
  // Approves a proposed change. Errors: as above, conflict also for another state.
  virtual net::TaskResult<ChangeView> approve(std::string id, std::string plan_hash, std::string actor) = 0;
  virtual net::TaskResult<ChangeView> reject(std::string id, std::string reason, std::string actor) = 0;
  // Takes a kept or observed change back. Errors: conflict (state), refused (no way back).
  virtual net::TaskResult<ChangeView> undo(std::string id, std::string actor) = 0;
  // A person's own plan enters the same pipeline as a proposed change. Errors: invalid_argument, refused, conflict.
  virtual net::TaskResult<ChangeView> propose(ProposedChange plan, std::string actor) = 0;
  virtual net::TaskResult<FreezeView> set_freeze(bool frozen, std::string reason, std::string actor) = 0;
  // What the ledger knows of a request that may be repeated. Without a ledger nothing is known and nothing kept.
  virtual net::TaskResult<std::optional<store::KnownAnswer>> known_answer(std::string key) = 0;
  // Without a status: the request is begun.
  virtual net::TaskResult<bool> keep_answer(store::KnownAnswer answer) = 0;
  virtual net::TaskResult<bool> forget_answer(std::string key) = 0;
  // The ledger's copy of the migrations of a database; empty: none.
  virtual net::TaskResult<std::string> migration_history(std::string key) = 0;
  // Replaces it and writes the audit; the copy as stored.
  virtual net::TaskResult<std::string> note_migrations(std::string key, std::string history,
                                                       std::vector<store::AuditDraft> drafts) = 0;

  // Errors: parse and invalid_argument (the expression), unsupported (a construct by name), resource_exhausted.
  // Parse means that the text is no expression, or none of a type that the query can answer. `timeout`: 0, or longer
  // than the configured one, is the configured one.
  virtual net::TaskResult<QueryResult> query(std::string expr, UtcTime at, Millis timeout) = 0;
  virtual net::TaskResult<QueryResult> query_range(std::string expr, TimeRange range, Millis step, Millis timeout) = 0;
  // The expression in its canonical spelling. Errors: parse.
  virtual net::TaskResult<std::string> format_query(std::string expr) = 0;
  // Keys of stored series that match one of the selectors ("name{a=\"b\"}"); none given: all.
  virtual net::TaskResult<std::vector<SeriesKey>> history_series(std::vector<std::string> selectors,
                                                                 TimeRange range) = 0;
  // Who was active and what it waited for. Errors: timeout (too long a range), io.
  virtual net::TaskResult<store::SessionReport> active_sessions(store::SessionQuestion question) = 0;
  // Who waits for whose locks now. Errors: those of the server.
  virtual net::TaskResult<BlockingView> blocking() = 0;
  // Measures one table, by its name with or without a schema; an empty database is the home one. Errors: not_found,
  // invalid_argument (several have the name), unsupported (no extension, no table), permission (the message names the
  // GRANT), those of the server (a lock: retryable).
  virtual net::TaskResult<BloatView> bloat(std::string table, std::string database) = 0;
  // What the metrics of the collectors mean.
  virtual net::TaskResult<std::vector<MetricDef>> metrics() = 0;
  // The loaded rules with their state and their pending and firing alerts.
  virtual net::TaskResult<std::vector<RuleGroupView>> rule_groups() = 0;
  // What is wrong with rules (none given: the loaded ones) by their form and by the last `since` of history.
  // Errors: parse (a file is no rule file; every error in the message).
  virtual net::TaskResult<std::vector<LintFinding>> lint_rules(std::vector<RuleText> files, Millis since) = 0;
  // The parts of an expression, or of the loaded rules of that name, with their values now.
  // Errors: not_found (no such rule), parse.
  virtual net::TaskResult<std::vector<ExplainedRule>> explain_rule(std::string rule, std::string expr) = 0;
  // Errors: parse, invalid_argument, timeout.
  virtual net::TaskResult<BacktestReport> backtest_rules(BacktestRequest request) = 0;
  // Stored samples of those series, a page at a time.
  virtual net::TaskResult<HistoryPage> history_page(std::vector<std::string> selectors, TimeRange range,
                                                    std::optional<PageCursor> cursor) = 0;
};

}  // namespace pgtend::api
