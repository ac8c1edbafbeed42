#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config/config_error.hpp"
#include "agent/model/alert.hpp"

namespace pgtend::config {

// Where the parts of a rule are written.
struct RulePlace {
  Position name;                          // of its `alert` or `record`
  Position expr;                          // of the value
  std::map<std::string, Position> texts;  // "labels.severity", "annotations.summary": of the values
};

struct RuleFile {
  std::vector<RuleGroup> groups;  // complete only when errors is empty; what could be read is there in any case
  std::vector<std::vector<RulePlace>> places;  // by group and rule
  std::vector<Position> query_offsets;         // by group, of the value; line 0: it has none
  std::vector<ConfigError> errors;
};

// A Prometheus rule file: groups, each with name, interval, limit, query_offset and rules (alert or record, expr, for,
// keep_firing_for, labels, annotations). Unknown keys are errors, as in promtool. expr is kept as text; Rule::line is
// the line of its `alert` or `record` key. Never throws.
[[nodiscard]] RuleFile decode_rules(std::string_view text, const std::string& file_name);

}  // namespace pgtend::config
