#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/config/config.hpp"
#include "agent/config/config_error.hpp"
#include "alerts/life_cycle.hpp"
#include "rules/promql/parser.hpp"

namespace pgtend::engine {

struct LoadedRule {
  alerts::CompiledRule compiled;
  promql::ExprPtr expr;
  std::vector<std::string> metrics;  // names that its selectors fix
  promql::ExprPtr resolve = {};      // of its annotation alerts::kResolveExpr
  // Those among them whose series its results come from, and those whose missing series make results: of absent() and
  // behind `unless`. Names that rules record stand beside what these are made of.
  std::vector<std::string> shown = {}, denied = {};
};

struct LoadedGroup {
  std::string name, file;
  // Its name; "file;name" where a group before it, of another file, has that name. Alerts of the second rule of one
  // name are kept under "id#2".
  std::string id;
  Millis interval{0};
  Millis query_offset{0};
  int limit = 0;
  std::vector<LoadedRule> rules;
};

struct RuleSet {
  std::vector<LoadedGroup> groups;
};

struct RuleSetLoad {
  std::shared_ptr<const RuleSet> rules;  // complete only when errors is empty
  std::vector<config::ConfigError> errors;
};

// The series that a recording rule makes of an element with these labels.
[[nodiscard]] SeriesKey recorded_key(const Rule& rule, Labels element);
// What is wrong when two elements make one; when there are more of them than the group's limit, which is empty else.
inline constexpr const char* kRecordsAlike =
    "vector contains metrics with the same labelset after applying rule labels";
[[nodiscard]] std::string over_limit(const LoadedGroup& group, std::size_t results);

// The rules in the binary (unless rules.shipped is false) and those of rules.files: decoded, their expressions parsed
// and type-checked, their texts compiled; every error of every file at once. Reads files.
[[nodiscard]] RuleSetLoad load_rules(const config::RulesConfig& rules);

// One file's text, for `pgtend rules check`.
[[nodiscard]] RuleSetLoad load_rule_text(std::string_view text, const std::string& file, Millis default_interval);

}  // namespace pgtend::engine
