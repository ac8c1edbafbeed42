#include <iostream>

#include "agent/base/strings.hpp"
#include "agent/base/units.hpp"
#include "agent/cli/commands.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/config/config.hpp"
#include "agent/engine/routing_report.hpp"

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
  print(context.json() ? Json(receivers).dump() + "\n" : join(receivers, ",") + "\n");
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
    if (alerting) print(engine::describe_routes(*alerting));
  });
}

}  // namespace pgtend::cli
