#include "agent/base/strings.hpp"
#include "agent/cli/commands.hpp"
#include "agent/engine/routing_report.hpp"

namespace pgtend::cli {

void add_runbook(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("runbook", "what to do about an alert; works without the agent");
  auto name = std::make_shared<std::string>();
  command->add_option("rule", *name, "name of the alert; without it, all that there are");
  command->callback([&context, name] {
    const auto known = engine::runbook_names();
    if (name->empty()) {
      print(context.json() ? Json{{"schema", "pgtend/v1"}, {"items", known}}.dump(2) + "\n" : join(known, "\n") + "\n");
      return;
    }
    const auto text = engine::runbook(*name);
    if (!text.empty()) {
      const Json answer{{"schema", "pgtend/v1"}, {"item", {{"name", *name}, {"markdown", text}}}};
      print(context.json() ? answer.dump(2) + "\n" : text);
      return;
    }
    Error error;
    error.code = Errc::not_found;
    const auto near = nearest(*name, known);
    error.message = "there is no runbook of '" + *name + "'; " +
                    (near ? "did you mean '" + *near + "'?" : "`pgtend runbook` lists those that there are");
    report(context, error);
  });
}

}  // namespace pgtend::cli
