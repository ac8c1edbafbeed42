#pragma once

#include "agent/engine/backtest_episodes.hpp"
#include "alerts/life_cycle.hpp"
#include "rules/promql/evaluator.hpp"

// The moments at which an alert rule was true; an alert whose labels change is another one, as in a live evaluation.
namespace pgtend::engine {

struct ActiveSearch {
  TimeRange range;
  Millis step{0};          // between two evaluations
  Millis query_offset{0};  // an evaluation looks at the moment this long before it
  int limit = 0;           // elements beyond which an evaluation is an error; 0: none
  const promql::EvalOptions& eval;
  const Labels& external_labels;
  const Labels& alert_labels;  // those that every alert has besides its own
  const std::string& external_url;
};

// Whether a label of a rule may be another at each evaluation.
[[nodiscard]] bool changes(const std::string& label);

// When `expr` was true over history, by the labels of the alerts that `rule` makes of it. A rule without templates in
// its labels expands them once for each series.
// Errors: those of an evaluation; resource_exhausted beyond its samples; timeout. REQUIRES: a thread that may block.
[[nodiscard]] Result<ActiveTimes> active_times(const promql::Expr& expr, const alerts::CompiledRule& rule,
                                               HistoryReader& history, const ActiveSearch& search);

}  // namespace pgtend::engine
