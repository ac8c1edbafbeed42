#pragma once

#include "rules/promql/evaluator.hpp"

namespace pgtend::promql {

// Those of EvalOptions::lookbacks that are longer than what holds for all and whose metric a selector may give, in the
// order of the metrics.
[[nodiscard]] std::vector<Lookbacks::value_type> longer_lookbacks(const EvalOptions& options,
                                                                  const VectorSelector& selector);

}  // namespace pgtend::promql
