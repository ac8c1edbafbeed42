#pragma once

#include <string>
#include <vector>

#include "agent/base/result.hpp"

namespace pgtend::engine {

struct RuleTestReport {
  int checks = 0;                     // expectations looked at
  std::vector<std::string> failures;  // "file:line: test NAME: …", with what was expected and what came
};

// Runs a unit-test file of promtool's format: its rule files are loaded, its input series evaluated from the Unix epoch
// on, and each expectation compared. `left_open` as promql.range_boundary. Errors: not_found, io, config (the test file
// or a rule file is wrong; every error in the message).
[[nodiscard]] Result<RuleTestReport> run_rule_tests(const std::string& file, bool left_open);

}  // namespace pgtend::engine
