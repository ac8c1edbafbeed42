#include "agent/engine/rule_set.hpp"

#include "agent/config/files.hpp"
#include "agent/config/rule_file.hpp"
#include "alerts/shipped.hpp"

namespace pgtend::engine {

namespace {

config::ConfigError rule_error(const Rule& rule, const Error& error) {
  config::ConfigError out;
  out.file = rule.file;
  out.line = rule.line;
  out.column = 1;
  out.message = "rule " + rule.name + ": " + error.message;
  return out;
}

void load_group(const RuleGroup& group, Millis default_interval, RuleSet& set,
                std::vector<config::ConfigError>& errors) {
  LoadedGroup loaded;
  loaded.name = group.name;
  loaded.file = group.file;
  loaded.interval = group.interval > Millis(0) ? group.interval : default_interval;
  loaded.query_offset = group.query_offset;
  loaded.limit = group.limit;
  for (const auto& rule : group.rules) {
    auto compiled = alerts::compile(rule, group.name);
    if (!compiled) errors.push_back(rule_error(rule, compiled.error()));
    auto expr = promql::parse(rule.expr);
    if (!expr) {
      errors.push_back(rule_error(rule, expr.error()));
      continue;
    }
    if ((*expr)->type != promql::ValueType::vector && (*expr)->type != promql::ValueType::scalar) {
      Error error;
      error.message = "the expression is a " + std::string(promql::to_string((*expr)->type)) +
                      "; a rule needs an instant vector or a scalar";
      errors.push_back(rule_error(rule, error));
      continue;
    }
    if (!compiled) continue;
    auto metrics = promql::metric_names(**expr);
    loaded.rules.push_back({std::move(*compiled), std::move(*expr), std::move(metrics)});
  }
  set.groups.push_back(std::move(loaded));
}

void load_text(std::string_view text, const std::string& file, Millis default_interval, RuleSet& set,
               std::vector<config::ConfigError>& errors) {
  const auto decoded = config::decode_rules(text, file);
  errors.insert(errors.end(), decoded.errors.begin(), decoded.errors.end());
  if (!decoded.errors.empty()) return;
  for (const auto& group : decoded.groups) load_group(group, default_interval, set, errors);
}

}  // namespace

RuleSetLoad load_rule_text(std::string_view text, const std::string& file, Millis default_interval) {
  RuleSetLoad out;
  auto set = std::make_shared<RuleSet>();
  load_text(text, file, default_interval, *set, out.errors);
  out.rules = std::move(set);
  return out;
}

RuleSetLoad load_rules(const config::RulesConfig& rules) {
  RuleSetLoad out;
  auto set = std::make_shared<RuleSet>();
  const auto failed = [&](const std::string& file, const Error& error) {
    config::ConfigError entry;
    entry.file = file;
    entry.message = error.describe();
    out.errors.push_back(std::move(entry));
  };
  if (rules.shipped)
    for (const auto& file : embedded::rule_files())
      load_text(file.text, std::string(file.name), rules.evaluation_interval, *set, out.errors);
  for (const auto& pattern : rules.files) {
    const auto files = config::expand_glob(pattern);
    if (!files) {
      failed(pattern, files.error());
      continue;
    }
    for (const auto& file : *files) {
      const auto text = config::read_text(file);
      if (text) {
        load_text(*text, file, rules.evaluation_interval, *set, out.errors);
      } else {
        failed(file, text.error());
      }
    }
  }
  out.rules = std::move(set);
  return out;
}

}  // namespace pgtend::engine
