#pragma once

#include "agent/engine/rule_set.hpp"
#include "agent/model/rule_review.hpp"
#include "rules/promql/evaluator.hpp"

namespace pgtend::engine {

// Every part of an expression with its value at a moment; what cannot be evaluated says why in its place.
// REQUIRES: a thread that may block.
[[nodiscard]] std::vector<ExplainedPart> explain_expression(const promql::Expr& expr, HistoryReader& history,
                                                            UtcTime at, const promql::EvalOptions& options);

}  // namespace pgtend::engine
