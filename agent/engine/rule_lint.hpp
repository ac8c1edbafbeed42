#pragma once

#include <vector>

#include "agent/engine/rule_facts.hpp"
#include "agent/model/rule_review.hpp"
#include "rules/promql/evaluator.hpp"

namespace pgtend::engine {

// What is wrong with rules, by their form and by what history holds: metrics that nobody makes, selectors that match
// nothing, comparisons that cannot hold, alerts that latch, rates of gauges, counters without a rate, windows below
// four intervals, divisors that may be 0. `options`: by which the rules are evaluated. In the order of the rules.
// Errors: those of the reader. REQUIRES: a thread that may block.
[[nodiscard]] Result<std::vector<LintFinding>> lint_rules(const RuleSet& rules, RuleFacts& facts,
                                                          const promql::EvalOptions& options);

}  // namespace pgtend::engine
