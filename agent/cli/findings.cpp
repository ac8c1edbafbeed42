#include "agent/cli/commands.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/table.hpp"

namespace pgtend::cli {

void add_findings(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("findings", "what is wrong, with evidence; exit 3 for warnings, 4 for critical");
  command->callback([&context] {
    const auto answer = ask_and_show(context, "/v1/findings", [](const Json& list) {
      Table table({"SEVERITY", "CHECK", "DATABASE", "SUBJECT", "SUMMARY"});
      for (const auto& f : list["items"])
        table.add({cell(f, "severity"), cell(f, "check"), cell(f, "database"), cell(f, "subject"), cell(f, "summary")});
      print(table.empty() ? "no findings\n" : table.render());
    });
    if (!answer) return;
    for (const auto& f : (*answer)["items"]) {
      const auto severity = cell(f, "severity");
      if (severity == "critical") context.exit_code = kCritical;
      if (severity == "warning" && context.exit_code == kOk) context.exit_code = kWarnings;
    }
  });
}

}  // namespace pgtend::cli
