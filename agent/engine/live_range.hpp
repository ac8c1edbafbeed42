#pragma once

#include "rules/promql/evaluator.hpp"

namespace pgtend::engine {

struct LiveRange {
  promql::Matrix matrix;
  std::vector<UtcTime> over_limit;  // evaluations with more elements than the limit, ascending; not in `matrix`
};

// What evaluations of a rule would have given at each step of a range, when each of them knew what had been sampled up
// to its own moment and start() and end() were that moment. An expression that reads only what lies behind it is
// evaluated as one range; others step by step. `limit`: elements beyond which one is an error; 0: none.
// Errors: those of promql::evaluate_range(). REQUIRES: `step` above 0, a thread that may block.
[[nodiscard]] Result<LiveRange> live_range(const promql::Expr& expr, HistoryReader& history, TimeRange range,
                                           Millis step, int limit, const promql::EvalOptions& options);

}  // namespace pgtend::engine
