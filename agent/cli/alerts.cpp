#include "agent/cli/commands.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/table.hpp"

namespace pgtend::cli {

void add_alerts(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("alerts", "pending, firing and lately resolved alerts; exit 3 or 4 while one fires");
  command->callback([&context] {
    const auto answer = ask_and_show(context, "/v1/alerts", [](const Json& list) {
      Table table({"STATE", "SEVERITY", "ALERT", "SINCE", "VALUE", "SUMMARY"});
      for (const auto& a : list["items"]) {
        const auto since = cell(a, "fired_at").empty() ? cell(a, "active_at") : cell(a, "fired_at");
        const bool unknown = a.value("unknown", false);
        table.add({cell(a, "state") + (unknown ? " (unknown)" : ""), cell(a["labels"], "severity"), cell(a, "rule"),
                   short_time(since), cell(a, "value"), cell(a["annotations"], "summary")});
      }
      print(table.empty() ? "no alerts\n" : table.render());
    });
    if (!answer) return;
    for (const auto& a : (*answer)["items"]) {
      if (cell(a, "state") != "firing") continue;
      if (context.exit_code == kOk) context.exit_code = kWarnings;
      if (cell(a["labels"], "severity") == "critical") context.exit_code = kCritical;
    }
  });
}

}  // namespace pgtend::cli
