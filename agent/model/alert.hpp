#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/model/series.hpp"

namespace pgtend {

enum class RuleKind { alert, record };

// One rule of a Prometheus rule file; expr is kept as text, positions point into its file.
struct Rule {
  RuleKind kind = RuleKind::alert;
  std::string name;  // alertname, or the recorded metric
  std::string expr;
  Millis hold{0};  // `for`
  Millis keep_firing_for{0};
  // As written: an empty one takes the label away.
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  std::string file;
  int line = 0;
};

struct RuleGroup {
  std::string name, file;
  Millis interval{0};  // 0: the global evaluation interval
  int limit = 0;       // 0: none
  Millis query_offset{0};
  std::vector<Rule> rules;
};

// promtool's unit-test file.
struct RuleTestSeries {
  std::string series;  // a selector without matchers other than =
  std::string values;  // "1+1x10 _ stale"
  int line = 0;
};
struct ExpectedAlert {
  Labels labels;
  std::map<std::string, std::string> annotations;
};
struct AlertRuleTest {
  Millis eval_time{0};
  std::string alertname;
  std::vector<ExpectedAlert> expected;
  int line = 0;
};
struct ExpectedSample {
  std::string labels;  // 'name{a="b"}'
  double value = 0;
};
struct PromqlExprTest {
  std::string expr;
  Millis eval_time{0};
  std::vector<ExpectedSample> expected;
  int line = 0;
};
struct RuleTestCase {
  std::string name;
  Millis interval{60'000};
  std::vector<RuleTestSeries> input;
  std::vector<AlertRuleTest> alert_tests;
  std::vector<PromqlExprTest> expr_tests;
  Labels external_labels;
};
struct RuleTestFile {
  std::string file;
  std::vector<std::string> rule_files;
  Millis evaluation_interval{60'000};
  std::vector<RuleTestCase> tests;
};

// Names are stored in the ledger.
enum class AlertState { inactive, pending, firing, resolved };
[[nodiscard]] std::string_view to_string(AlertState state);
[[nodiscard]] std::optional<AlertState> parse_alert_state(std::string_view name);

// What a person wants to know besides the value; gathered when an alert fires.
struct AlertFacts {
  std::string comparison;           // "> 0.8", of the rule's expression
  std::optional<double> normal;     // median at this hour of the week, when there is history enough
  std::vector<std::string> causes;  // likely ones, with numbers, never a literal of the user's data
  std::vector<std::string> acts;    // what pgtend does, did or is refused to do, with ids
};

struct Alert {
  std::string rule;  // alertname
  std::string group;
  Labels labels;                                   // with alertname and the rule's labels
  std::map<std::string, std::string> annotations;  // rendered
  AlertState state = AlertState::inactive;
  double value = 0;
  std::optional<double> resolved_value;
  std::optional<double> lowest, highest;  // of `value`, since it became active
  UtcTime active_at;
  std::optional<UtcTime> fired_at, resolved_at, keep_firing_since, last_seen_at;
  int missed = 0;        // evaluations in a row that a pending one was not in; not stored
  bool unknown = false;  // its rule could not be evaluated or its collector is blind: state is frozen
  std::string evidence;  // expr and the values behind it
  AlertFacts facts;

  [[nodiscard]] std::string fingerprint_hex() const;
};

// What the spool drops first when it is full; critical is never dropped.
enum class Urgency { info = 0, warning = 1, critical = 2 };

// One message to one receiver; rendered when enqueued, so that what was decided can be audited.
struct OutboxMessage {
  std::int64_t id = 0;
  std::string receiver;
  std::string group_key;
  std::string dedup_key;
  std::string kind;           // firing, resolved
  std::int64_t sequence = 0;  // of the notification behind it; 0: none
  Urgency urgency = Urgency::warning;
  std::optional<UtcTime> expires_at;  // an unsent one is given up then
  std::string body;                   // JSON, without secrets
  UtcTime created_at, not_before;
  int attempts = 0;
  std::string last_error;
  std::string state = "queued";  // queued, sent, dead
};

}  // namespace pgtend
