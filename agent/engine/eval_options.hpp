#pragma once

#include "agent/engine/parts.hpp"
#include "rules/promql/evaluator.hpp"

namespace pgtend::engine {

// The configured dialect and limits, with a deadline `timeout` from now (milliseconds; 0 or longer than promql.timeout:
// that). REQUIRES: io thread; parts outlives the result.
[[nodiscard]] promql::EvalOptions eval_options(const Parts& parts, Millis timeout);

}  // namespace pgtend::engine
