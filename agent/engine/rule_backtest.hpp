#pragma once

#include <functional>

#include "agent/engine/backtest_sight.hpp"
#include "agent/model/rule_review.hpp"
#include "alerts/dispatch.hpp"
#include "rules/promql/evaluator.hpp"

namespace pgtend::engine {

struct BacktestOptions {
  TimeRange range{};
  Millis step{0};    // 0: each group's interval
  std::string rule;  // only alerts of this name; empty: all
  bool sweep = true;
  Millis outage_tolerance{3'600'000};  // as LifeTimes::outage_tolerance
  Sight sight;
  std::size_t first = 0;           // of the alert names: where an earlier report stopped
  promql::EvalOptions eval;        // its deadline holds for the whole backtest, its clock is set
  alerts::DispatchRules dispatch;  // the configured routes; without receivers: one behind Alertmanager's default waits
  Labels external_labels;
  Labels alert_labels;  // those that every alert has besides its own
  // The rules are only tried out: what they record is computed, not looked for in history.
  bool computes_records = false;
  std::string instance, external_url;  // for the message
};

// When the alerts of these rules would have fired over stored history, and what that would have meant for people.
// `old` (nullptr: none): an earlier version to compare with. A rule that fails says so in its own entry.
// Errors: invalid_argument (an empty range, no such rule), timeout, and those of the reader.
// REQUIRES: a thread that may block.
[[nodiscard]] Result<BacktestReport> backtest_rules(const RuleSet& rules, const RuleSet* old, HistoryReader& history,
                                                    const BacktestOptions& options);

}  // namespace pgtend::engine
