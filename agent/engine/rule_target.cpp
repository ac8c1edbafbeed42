#include "agent/engine/rule_target.hpp"

#include <iterator>

#include "agent/config/files.hpp"
#include "agent/config/rule_file.hpp"
#include "agent/config/text_place.hpp"
#include "alerts/template_target.hpp"
#include "rules/promql/parser.hpp"

namespace pgtend::engine {

namespace {

config::ConfigError unknown(promql::Target target, const std::string& file, config::Position at,
                            const std::string& subject, const std::string& what, const std::string& cure) {
  return {file, at.line, at.column, subject + ": " + std::string(promql::to_string(target)) + " does not know " + what,
          cure};
}

void unknown_in_texts(promql::Target target, std::string_view file_text, const std::string& file, const Rule& rule,
                      const config::RulePlace& place, std::vector<config::ConfigError>& out) {
  if (target != promql::Target::prom2_42 || rule.kind != RuleKind::alert) return;
  const auto check = [&](const std::string& key, const std::string& text) {
    const auto at = place.texts.find(key);
    const auto offset = alerts::else_with(text);
    if (offset && at != place.texts.end())
      out.push_back(unknown(target, file, config::place_in(file_text, at->second, text, *offset), "rule " + rule.name,
                            "{{else with}} in " + key + " (since 3.0)",
                            "write {{else}}{{with ...}} and a second {{end}}"));
  };
  for (const auto& [name, text] : rule.labels) check("labels." + name, text);
  for (const auto& [name, text] : rule.annotations) check("annotations." + name, text);
}

}  // namespace

std::vector<config::ConfigError> unknown_to_target(promql::Target target, std::string_view text,
                                                   const std::string& file) {
  const auto decoded = config::decode_rules(text, file);
  std::vector<config::ConfigError> out;
  for (std::size_t i = 0; i < decoded.groups.size(); ++i) {
    const auto& group = decoded.groups[i];
    if (const auto at = decoded.query_offsets[i]; target == promql::Target::prom2_42 && at.line > 0)
      out.push_back(unknown(target, file, at, "group " + group.name, "query_offset (since 2.53)",
                            "leave it out, or write offset into each expression"));
    for (std::size_t j = 0; j < group.rules.size(); ++j) {
      const auto& rule = group.rules[j];
      unknown_in_texts(target, text, file, rule, decoded.places[i][j], out);
      const auto expr = promql::parse(rule.expr);
      if (!expr) continue;  // an error for every target
      for (const auto& one : promql::unknown_to(target, **expr, rule.expr))
        out.push_back(unknown(target, file, config::place_in(text, decoded.places[i][j].expr, rule.expr, one.offset),
                              "rule " + rule.name, one.what, one.cure));
    }
  }
  config::order_errors(out);
  return out;
}

std::vector<config::ConfigError> unknown_to_target(promql::Target target, const config::RulesConfig& rules) {
  std::vector<config::ConfigError> out;
  for (const auto& pattern : rules.files) {
    const auto files = config::expand_glob(pattern);
    if (!files) continue;
    for (const auto& file : *files) {
      const auto text = config::read_text(file);
      if (!text) continue;
      auto found = unknown_to_target(target, *text, file);
      std::move(found.begin(), found.end(), std::back_inserter(out));
    }
  }
  return out;
}

}  // namespace pgtend::engine
