#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/config/config_error.hpp"
#include "agent/model/alert.hpp"

namespace pgtend::config {

struct RuleFile {
  std::vector<RuleGroup> groups;  // complete only when errors is empty
  std::vector<ConfigError> errors;
};

// A Prometheus rule file: groups, each with name, interval, limit, query_offset and rules (alert or record, expr, for,
// keep_firing_for, labels, annotations). Unknown keys are errors, as in promtool. expr is kept as text; Rule::line is
// the line of its `alert` or `record` key. Never throws.
[[nodiscard]] RuleFile decode_rules(std::string_view text, const std::string& file_name);

}  // namespace pgtend::config
