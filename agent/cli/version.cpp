#include "agent/cli/commands.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/revision.hpp"

namespace pgtend::cli {

namespace {

const CLI::App* find_subcommand(const CLI::App& app, const std::string& name) {
  for (const auto* sub : app.get_subcommands({}))
    if (sub->get_name() == name) return sub;
  return nullptr;
}

void show_exit_codes(const Context& context) {
  auto items = Json::array();
  std::string text = "Exit codes of pgtend:\n";
  for (const auto& [code, meaning] : kExitCodes) {
    items.push_back({{"code", static_cast<int>(code)}, {"meaning", meaning}});
    const auto number = std::to_string(code);
    text += "  " + number + std::string(5 - number.size(), ' ') + meaning + "\n";
  }
  print(context.json() ? Json{{"schema", "pgtend/v1"}, {"items", items}}.dump(2) + "\n" : text);
}

}  // namespace

void add_version(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("version", "print the version and the commit it was built from");
  command->callback([&context] {
    const Json version{{"version", PGTEND_VERSION}, {"revision", kRevision}};
    const auto text = std::string("pgtend ") + PGTEND_VERSION + " (revision " + kRevision + ")\n";
    print(context.json() ? version.dump(2) + "\n" : text);
  });
}

void add_help(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("help", "explain a topic: exit-codes, or a subcommand");
  auto topic = std::make_shared<std::string>();
  command->add_option("topic", *topic, "exit-codes or a subcommand");
  command->callback([&app, &context, topic] {
    if (topic->empty()) {
      // app.help() would print that of the subcommand that was given, which is this one.
      print(app.get_formatter()->make_help(&app, app.get_name(), CLI::AppFormatMode::Normal));
    } else if (*topic == "exit-codes") {
      show_exit_codes(context);
    } else if (const auto found = find_subcommand(app, *topic); found != nullptr) {
      print(found->help());
    } else {
      Error error;
      error.code = Errc::invalid_argument;
      error.message = "there is no help on '" + *topic + "'; try: pgtend help";
      report(context, error);
      context.exit_code = kUsage;
    }
  });
}

}  // namespace pgtend::cli
