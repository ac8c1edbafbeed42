#include <iostream>

#include "agent/base/strings.hpp"
#include "agent/base/units.hpp"
#include "agent/cli/commands.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/config/config.hpp"
#include "agent/engine/routing_report.hpp"
#include "agent/model/matcher_text.hpp"

namespace pgtend::cli {

namespace {

using Words = std::vector<std::string>;

std::optional<config::AlertingConfig> configured(Context& context) {
  const std::string path = context.effective_config_file();
  const auto loaded = path.empty() ? config::defaults() : config::load(path);
  if (loaded.errors.empty()) return loaded.config.alerting;
  std::cerr << config::format_errors(loaded.errors);
  context.exit_code = kConfigWrong;
  return std::nullopt;
}

Json as_json(const alerts::RouteNode& node) {
  auto matchers = Json::array(), routes = Json::array(), escalate = Json::array();
  for (const auto& matcher : node.matchers) matchers.push_back(to_string(matcher));
  for (const auto& child : node.children) routes.push_back(as_json(child));
  for (const auto& step : node.escalate)
    escalate.push_back({{"after", format_duration(step.after)}, {"receiver", step.receiver}});
  return {{"receiver", node.receiver},
          {"matchers", std::move(matchers)},
          {"group_by", node.by_all ? Words{"..."} : node.group_by},
          {"group_wait", format_duration(node.group_wait)},
          {"group_interval", format_duration(node.group_interval)},
          {"repeat_interval", format_duration(node.repeat_interval)},
          {"continue", node.continues},
          {"mute_time_intervals", node.mute_time_intervals},
          {"active_time_intervals", node.active_time_intervals},
          {"escalate", std::move(escalate)},
          {"routes", std::move(routes)}};
}

void test(Context& context, const Words& words) {
  const auto alerting = configured(context);
  if (!alerting) return;
  Labels labels;
  for (const auto& word : words) {
    const auto equals = word.find('=');
    if (equals == std::string::npos || equals == 0) {
      Error error;
      error.code = Errc::invalid_argument;
      error.message = "'" + word + "' is no label; write name=value";
      report(context, error);
      context.exit_code = kUsage;
      return;
    }
    auto value = word.substr(equals + 1);
    if (value.size() > 1 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    labels.set(word.substr(0, equals), value);
  }
  const auto receivers = engine::receivers_for(*alerting, labels);
  print(context.json() ? Json(receivers).dump() + "\n" : (receivers.empty() ? "nobody" : join(receivers, ",")) + "\n");
}

}  // namespace

void add_routes(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("routes", "the routing tree of the configuration: show it, or ask it");
  command->require_subcommand(1);
  auto words = std::make_shared<Words>();
  auto* asking = command->add_subcommand("test", "the receivers of an alert with these labels, comma-separated");
  asking->add_option("labels", *words, "name=value");
  asking->callback([&context, words] { test(context, *words); });
  command->add_subcommand("show", "the tree with everything that is inherited")->callback([&context] {
    const auto alerting = configured(context);
    if (!alerting) return;
    print(context.json() ? as_json(engine::effective_routes(*alerting)).dump(2) + "\n"
                         : engine::describe_routes(*alerting));
  });
}

}  // namespace pgtend::cli
