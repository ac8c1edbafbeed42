#include "agent/engine/rule_set.hpp"

#include <algorithm>
#include <cstdio>
#include <iterator>

#include "agent/config/files.hpp"
#include "agent/config/rule_file.hpp"
#include "agent/config/text_place.hpp"
#include "agent/engine/rule_reads.hpp"
#include "alerts/shipped.hpp"

namespace pgtend::engine {

namespace {

// One file while it is loaded.
struct Source {
  std::string_view text;
  const std::string& file;
  std::vector<config::ConfigError>& errors;
};

void complain(const Source& source, const Rule& rule, config::Position at, const std::string& message) {
  config::ConfigError out;
  out.file = source.file;
  out.line = at.line;
  out.column = at.column;
  out.message = "rule " + rule.name + ": " + message;
  source.errors.push_back(std::move(out));
}

// Parsers say where in their text they stopped ("2:12: parse error: ..."); a person wants the place in the file.
void complain_of_expr(const Source& source, const Rule& rule, config::Position at, std::string message) {
  std::size_t offset = 0;
  int line = 0, column = 0, read = 0;
  if (std::sscanf(message.c_str(), "%d:%d: parse error: %n", &line, &column, &read) == 2 && read > 0) {
    message.erase(0, static_cast<std::size_t>(read));
    for (; line > 1 && offset < rule.expr.size(); --line)
      offset = std::min(rule.expr.find('\n', offset), rule.expr.size() - 1) + 1;
    offset += static_cast<std::size_t>(column - 1);
  }
  complain(source, rule, config::place_in(source.text, at, rule.expr, offset), message);
}

void complain_of_text(const Source& source, const Rule& rule, const config::RulePlace& place, const std::string& key,
                      const std::string& text, const std::string& message) {
  int position = 1, read = 0;
  const bool placed = std::sscanf(message.c_str(), "template, position %d: %n", &position, &read) == 1 && read > 0;
  const auto at = place.texts.find(key);
  const auto offset = static_cast<std::size_t>(position - 1);
  complain(source, rule, at == place.texts.end() ? place.name : config::place_in(source.text, at->second, text, offset),
           key + ": " + (placed ? message.substr(static_cast<std::size_t>(read)) : message));
}

// Every wrong text of the rule, where alerts::compile stops at the first. Whether there was one.
bool complained_of_texts(const Source& source, const Rule& rule, const config::RulePlace& place) {
  bool any = false;
  const auto check = [&](const std::string& key, const std::string& text) {
    const auto parsed = alerts::Template::parse(text);
    if (parsed) return;
    any = true;
    complain_of_text(source, rule, place, key, text, parsed.error().message);
  };
  // A recording rule's labels stand as they are.
  if (rule.kind == RuleKind::alert)
    for (const auto& [name, text] : rule.labels) check("labels." + name, text);
  for (const auto& [name, text] : rule.annotations) check("annotations." + name, text);
  return any;
}

// The expression that a firing alert has to be in before it ends; what it reads is added to `metrics`.
promql::ExprPtr resolve_expr(const Source& source, const Rule& rule, const config::RulePlace& place,
                             const promql::Expr& compares, std::vector<std::string>& metrics) {
  const auto text = rule.annotations.find(alerts::kResolveExpr);
  if (text == rule.annotations.end()) return nullptr;
  const std::string name = alerts::kResolveExpr;
  auto expr = promql::parse(text->second);
  if (!expr) {
    complain(source, rule, place.expr, name + ": " + expr.error().message);
    return nullptr;
  }
  if ((*expr)->type != promql::ValueType::vector || promql::compared_value(compares) == nullptr) {
    complain(source, rule, place.expr,
             name + " is an instant vector, of a rule whose own expression ends with a comparison");
    return nullptr;
  }
  for (auto& metric : promql::metric_names(**expr))
    if (std::find(metrics.begin(), metrics.end(), metric) == metrics.end()) metrics.push_back(std::move(metric));
  return std::move(*expr);
}

void load_rule(const Source& source, const Rule& rule, const config::RulePlace& place, LoadedGroup& group) {
  const bool complained = complained_of_texts(source, rule, place);
  // That it is missing was said by who read the file.
  if (rule.expr.empty() && place.expr.line == 0) return;
  auto expr = promql::parse(rule.expr);
  if (!expr) {
    complain_of_expr(source, rule, place.expr, expr.error().message);
    return;
  }
  if ((*expr)->type != promql::ValueType::vector && (*expr)->type != promql::ValueType::scalar) {
    complain(source, rule, place.expr,
             "the expression is a " + std::string(promql::to_string((*expr)->type)) +
                 "; a rule needs an instant vector or a scalar");
    return;
  }
  const auto same = std::count_if(group.rules.begin(), group.rules.end(), [&](const LoadedRule& before) {
    return before.compiled.rule.kind == rule.kind && before.compiled.rule.name == rule.name;
  });
  auto compiled = alerts::compile(rule, same == 0 ? group.id : group.id + "#" + std::to_string(same + 1));
  if (!compiled) {
    if (!complained) complain(source, rule, place.expr, compiled.error().message);
    return;
  }
  auto metrics = promql::metric_names(**expr);
  auto resolve = resolve_expr(source, rule, place, **expr, metrics);
  auto reads = reads_of(**expr);
  group.rules.push_back({std::move(*compiled), std::move(*expr), std::move(metrics), std::move(resolve),
                         std::move(reads.shown), std::move(reads.denied)});
}

std::string id_of(const RuleSet& set, const LoadedGroup& group) {
  for (const auto& before : set.groups)
    if (before.name == group.name) return group.file + ";" + group.name;
  return group.name;
}

void load_text(std::string_view text, const std::string& file, Millis default_interval, RuleSet& set,
               std::vector<config::ConfigError>& errors) {
  const auto decoded = config::decode_rules(text, file);
  auto all = decoded.errors;
  const Source source{text, file, all};
  for (std::size_t i = 0; i < decoded.groups.size(); ++i) {
    const auto& group = decoded.groups[i];
    LoadedGroup loaded;
    loaded.name = group.name;
    loaded.file = group.file;
    loaded.id = id_of(set, loaded);
    loaded.interval = group.interval > Millis(0) ? group.interval : default_interval;
    loaded.query_offset = group.query_offset;
    loaded.limit = group.limit;
    for (std::size_t j = 0; j < group.rules.size(); ++j)
      load_rule(source, group.rules[j], decoded.places[i][j], loaded);
    set.groups.push_back(std::move(loaded));
  }
  config::order_errors(all);
  std::move(all.begin(), all.end(), std::back_inserter(errors));
}

}  // namespace

RuleSetLoad load_rule_text(std::string_view text, const std::string& file, Millis default_interval) {
  RuleSetLoad out;
  auto set = std::make_shared<RuleSet>();
  load_text(text, file, default_interval, *set, out.errors);
  add_sources(*set);
  out.rules = std::move(set);
  return out;
}

SeriesKey recorded_key(const Rule& rule, Labels element) {
  element.erase("__name__");
  for (const auto& [name, value] : rule.labels) element.set(name, value);
  return {rule.name, std::move(element)};
}

std::string over_limit(const LoadedGroup& group, std::size_t results) {
  if (group.limit <= 0 || results <= static_cast<std::size_t>(group.limit)) return {};
  return "more than " + std::to_string(group.limit) + " results, the group's limit";
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
  add_sources(*set);
  out.rules = std::move(set);
  return out;
}

}  // namespace pgtend::engine
