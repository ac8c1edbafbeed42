#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/config/rule_test_file.hpp"
#include "agent/engine/rule_set.hpp"
#include "rules/promql/evaluator.hpp"

namespace pgtend::engine {

struct RuleTestReport {
  int checks = 0;                     // expectations looked at
  std::vector<std::string> failures;  // "file:line: test NAME: …", with what was expected and what came
};

// Runs a unit-test file of promtool's format: its rule files are loaded, its input series evaluated from the Unix epoch
// on, and each expectation compared. `left_open` as promql.range_boundary. Errors: not_found, io, config (the test file
// or a rule file is wrong; every error in the message).
[[nodiscard]] Result<RuleTestReport> run_rule_tests(const std::string& file, bool left_open);

using RuleSets = std::vector<std::shared_ptr<const RuleSet>>;

// Runs the tests of a file against rules that are loaded already: its rule_files are not read.
// REQUIRES: `file` was decoded without errors. Errors: parse (an input series, with its line); not retryable.
[[nodiscard]] Result<RuleTestReport> run_rule_tests(const config::DecodedRuleTest& file, const RuleSets& rules,
                                                    const promql::EvalOptions& options);

}  // namespace pgtend::engine
