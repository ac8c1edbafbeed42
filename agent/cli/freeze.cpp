#include "agent/cli/commands.hpp"
#include "agent/cli/exit_codes.hpp"

namespace pgtend::cli {

void add_freeze(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("freeze", "stop every change at once: on, off, or show the switch");
  auto action = std::make_shared<std::string>("show");
  auto reason = std::make_shared<std::string>();
  command->add_option("action", *action, "on, off or show")->check(CLI::IsMember({"on", "off", "show"}));
  command->add_option("-r,--reason", *reason, "why; kept in the audit");
  command->callback([&context, action, reason] {
    auto answer = *action == "show"
                      ? ask(context, "GET", "/v1/status")
                      : ask(context, "POST", "/v1/freeze", {{"frozen", *action == "on"}, {"reason", *reason}});
    if (!answer) {
      report(context, answer.error());
      return;
    }
    const Json freeze = *action == "show" ? (*answer)["item"]["freeze"] : (*answer)["item"];
    if (context.json()) {
      print(freeze.dump(2) + "\n");
      return;
    }
    const auto why = cell(freeze, "reason");
    print(freeze.value("frozen", false) ? "frozen by " + cell(freeze, "by") + (why.empty() ? "" : ": " + why) + "\n"
                                        : std::string("not frozen\n"));
  });
}

}  // namespace pgtend::cli
