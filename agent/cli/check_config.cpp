#include <iostream>

#include "agent/cli/commands.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/config/config.hpp"
#include "agent/engine/collector_set.hpp"
#include "agent/engine/load_config.hpp"
#include "agent/engine/rule_set.hpp"

namespace pgtend::cli {

namespace {

Json as_json(const std::vector<config::ConfigError>& errors) {
  auto out = Json::array();
  for (const auto& error : errors)
    out.push_back({{"file", error.file},
                   {"line", error.line},
                   {"column", error.column},
                   {"message", error.message},
                   {"hint", error.hint}});
  return out;
}

}  // namespace

void add_check_config(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("check-config",
                                     "check the configuration, its rules and collectors; exit 78 when the agent would "
                                     "not start, 3 when it would start "
                                     "without a collector of yours");
  auto file = std::make_shared<std::string>();
  auto dump = std::make_shared<bool>(false);
  command->add_option("file", *file, "configuration file (default: --config, else /etc/pgtend/pgtend.yaml)");
  command->add_flag("--dump", *dump, "print the effective configuration");
  command->callback([&context, file, dump] {
    const std::string path = file->empty() ? context.effective_config_file() : *file;
    const auto loaded = engine::load_config(path);
    auto errors = loaded.errors;
    const auto rules = engine::load_rules(loaded.config.rules);
    errors.insert(errors.end(), rules.errors.begin(), rules.errors.end());
    const auto alone = engine::load_collectors(loaded.config.collection.directory).errors;
    if (!errors.empty()) {
      context.exit_code = kConfigWrong;
    } else if (!alone.empty()) {
      context.exit_code = kWarnings;
    }
    if (context.json()) {
      Json out{{"ok", errors.empty()},
               {"files", loaded.files},
               {"errors", as_json(errors)},
               {"not_loaded", as_json(alone)},
               {"warnings", as_json(loaded.warnings)}};
      if (*dump) out["dump"] = config::dump(loaded.config);
      return print(out.dump(2) + "\n");
    }
    std::cerr << config::format_warnings(loaded.warnings) << config::format_errors(errors)
              << config::format_errors(alone);
    if (!alone.empty()) std::cerr << "pgtend: the agent starts without what is wrong under collection.directory\n";
    if (!errors.empty()) return;
    print(*dump ? config::dump(loaded.config) : (path.empty() ? std::string("built-in defaults") : path) + ": ok\n");
  });
}

}  // namespace pgtend::cli
