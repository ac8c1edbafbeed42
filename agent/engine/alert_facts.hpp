#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "agent/engine/rule_set.hpp"
#include "agent/model/alert.hpp"
#include "agent/model/history.hpp"
#include "rules/promql/evaluator.hpp"

// What is gathered about an alert at the moment it fires. Reads history; runs in the blocking pool.
namespace pgtend::engine {

// The place in its group of the rule that an alert is of; nullopt: of none that is there now. Several rules may have
// one name, a warning and a critical one mostly.
[[nodiscard]] std::optional<std::size_t> place_of(const LoadedGroup& group, const Alert& alert);

// The rule that an alert is of; nullptr: it is gone.
[[nodiscard]] const LoadedRule* rule_of(const RuleSet& rules, const Alert& alert);

// "> 0.8": operator and right side of the comparison on top of the expression; empty when there is none.
[[nodiscard]] std::string comparison_of(const promql::Expr& expr);

// Of `A > x or B > y` the side that made the alert with these labels; of another expression itself.
[[nodiscard]] const promql::Expr& fired_side(const promql::Expr& expr, const Labels& labels, HistoryReader& history,
                                             UtcTime at, const promql::EvalOptions& options);

// The median of the compared value at this hour of the last four weeks; nullopt with fewer than two of them.
[[nodiscard]] std::optional<double> normal_value(const promql::Expr& expr, const Labels& labels, HistoryReader& history,
                                                 UtcTime at, const promql::EvalOptions& options);

// What the value is made of, as "usename=app, state=idle: 42"; at most three. The elements of the rule's annotation
// pgtend_causes (PromQL); without it those that `rule`, its expression, aggregates before it compares, as far as they
// are about the alert, the worst first.
[[nodiscard]] std::vector<std::string> likely_causes(const promql::Expr& rule, const Alert& alert,
                                                     HistoryReader& history, UtcTime at,
                                                     const promql::EvalOptions& options);

}  // namespace pgtend::engine
