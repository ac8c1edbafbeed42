#include <iostream>

#include "agent/cli/commands.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/table.hpp"

namespace pgtend::cli {

namespace {

void verify(Context& context) {
  auto answer = ask(context, "GET", "/v1/audit/verify");
  if (!answer) {
    report(context, answer.error());
    return;
  }
  const auto& check = (*answer)["item"];
  const bool ok = check.value("ok", false);
  if (context.json()) print(answer->dump(2) + "\n");
  if (!context.json() && ok) print("audit: " + cell(check, "rows") + " rows, chain intact\n");
  if (!ok) {
    std::cerr << "pgtend: audit chain is broken at row " << cell(check, "first_bad") << ": " << cell(check, "reason")
              << "\n";
    context.exit_code = kCritical;
  }
}

}  // namespace

void add_audit(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("audit", "every decision and act, newest last");
  command->require_subcommand(0, 1);
  auto limit = std::make_shared<int>(50);
  auto from = std::make_shared<long long>(0);
  command->add_option("-n,--limit", *limit, "rows")->check(CLI::Range(1, 10000));
  command->add_option("--from", *from, "first sequence number (default: the newest rows)");
  auto* list = command->add_subcommand("list", "the same");
  auto show = [&context, limit, from] {
    const std::string path = "/v1/audit?limit=" + std::to_string(*limit) + "&from=" + std::to_string(*from);
    ask_and_show(context, path, [](const Json& answer) {
      Table table({"SEQ", "AT", "ACTOR", "ACTION", "SUBJECT", "BEFORE", "AFTER", "RESULT"});
      for (const auto& e : answer["items"])
        table.add({cell(e, "sequence"), short_time(cell(e, "at")), cell(e, "actor"), cell(e, "action"),
                   cell(e, "subject").substr(0, 12), cell(e, "before"), cell(e, "after"), cell(e, "result")});
      print(table.empty() ? "no audit rows\n" : table.render());
    });
  };
  list->callback(show);
  auto* check = command->add_subcommand("verify", "recompute the hash chain; exit 4 and the first bad row when broken");
  check->callback([&context] { verify(context); });
  command->callback([command, show] {
    if (command->get_subcommands().empty()) show();
  });
}

}  // namespace pgtend::cli
