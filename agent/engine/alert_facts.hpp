#pragma once

#include <string>
#include <vector>

#include "agent/engine/rule_set.hpp"
#include "agent/model/alert.hpp"
#include "agent/model/history.hpp"
#include "rules/promql/evaluator.hpp"

// What is gathered about an alert at the moment it fires. Reads history; runs in the blocking pool.
namespace pgtend::engine {

// Whether an alert of the rule's name can be of this rule: the labels that the rule fixes are the alert's. A warning
// and a critical rule may have one name.
[[nodiscard]] bool can_be_of(const alerts::CompiledRule& rule, const Alert& alert);

// "> 0.8": operator and right side of the comparison on top of the expression; empty when there is none.
[[nodiscard]] std::string comparison_of(const promql::Expr& expr);

// The median of the compared value at this hour of the last four weeks; nullopt with fewer than two of them.
[[nodiscard]] std::optional<double> normal_value(const promql::Expr& expr, const Labels& labels, HistoryReader& history,
                                                 UtcTime at, const promql::EvalOptions& options);

// The elements of the rule's annotation pgtend_causes (PromQL), as "usename=app, state=idle: 42"; at most three.
[[nodiscard]] std::vector<std::string> likely_causes(const Alert& alert, HistoryReader& history, UtcTime at,
                                                     const promql::EvalOptions& options);

}  // namespace pgtend::engine
