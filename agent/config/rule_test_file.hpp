#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/config/config_error.hpp"
#include "agent/model/alert.hpp"

namespace pgtend::config {

struct DecodedRuleTest {
  RuleTestFile test;  // complete only when errors is empty
  std::vector<std::string> group_eval_order;
  std::vector<std::string> external_urls;  // of each test, empty: none
  std::vector<ConfigError> errors;
};

// promtool's unit-test file: rule_files, evaluation_interval, group_eval_order, tests (interval, name, input_series,
// alert_rule_test, promql_expr_test, external_labels, external_url). rule_files stay as written, relative to the test
// file. Never throws.
[[nodiscard]] DecodedRuleTest decode_rule_test(std::string_view text, const std::string& file_name);

}  // namespace pgtend::config
