#include <iostream>

#include "agent/cli/commands.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/config/config.hpp"
#include "agent/engine/collector_set.hpp"
#include "agent/engine/rule_set.hpp"

namespace pgtend::cli {

namespace {

Json as_json(const config::ConfigError& error) {
  return {{"file", error.file},
          {"line", error.line},
          {"column", error.column},
          {"message", error.message},
          {"hint", error.hint}};
}

}  // namespace

void add_check_config(CLI::App& app, Context& context) {
  auto* command =
      app.add_subcommand("check-config", "check the configuration, its rules and collectors; exit 78 if wrong");
  auto file = std::make_shared<std::string>();
  auto dump = std::make_shared<bool>(false);
  command->add_option("file", *file, "configuration file (default: --config, else /etc/pgtend/pgtend.yaml)");
  command->add_flag("--dump", *dump, "print the effective configuration");
  command->callback([&context, file, dump] {
    const std::string path = file->empty() ? context.effective_config_file() : *file;
    const auto loaded = path.empty() ? config::defaults() : config::load(path);
    auto errors = loaded.errors;
    if (errors.empty()) {
      const auto rules = engine::load_rules(loaded.config.rules);
      errors.insert(errors.end(), rules.errors.begin(), rules.errors.end());
      const auto collectors = engine::load_collectors(loaded.config.collection.directory);
      errors.insert(errors.end(), collectors.errors.begin(), collectors.errors.end());
    }
    if (context.json()) {
      auto list = Json::array();
      for (const auto& error : errors) list.push_back(as_json(error));
      print(Json{{"ok", errors.empty()}, {"files", loaded.files}, {"errors", list}}.dump(2) + "\n");
    } else if (errors.empty()) {
      print(*dump ? config::dump(loaded.config) : (path.empty() ? std::string("built-in defaults") : path) + ": ok\n");
    } else {
      std::cerr << config::format_errors(errors);
    }
    if (!errors.empty()) context.exit_code = kConfigWrong;
  });
}

}  // namespace pgtend::cli
