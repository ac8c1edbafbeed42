#include <filesystem>
#include <iostream>

#include "agent/cli/commands.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/table.hpp"
#include "agent/config/config.hpp"
#include "agent/engine/audit_offline.hpp"

namespace pgtend::cli {

namespace {

void show_check(Context& context, const Json& answer, const std::string& of) {
  const auto& check = answer["item"];
  const bool ok = check.value("ok", false);
  if (context.json()) print(answer.dump(2) + "\n");
  if (!context.json() && ok) print("audit" + of + ": " + cell(check, "rows") + " rows, chain intact\n");
  if (ok) return;
  std::cerr << "pgtend: audit chain" << of << " is broken at row " << cell(check, "first_bad") << ": "
            << cell(check, "reason") << "\n";
  context.exit_code = kCritical;
}

void verify_file(Context& context, const std::string& file) {
  const auto check = engine::verify_audit_offline(file);
  if (!check) {
    report(context, check.error());
    if (check.error().code == Errc::corrupt) context.exit_code = kCritical;
    return;
  }
  Json item{{"ok", check->ok}, {"rows", check->rows}, {"reason", check->why}, {"file", file}};
  item["first_bad"] = check->ok ? Json() : Json(check->first_bad);
  show_check(context, Json{{"schema", "pgtend/v1"}, {"item", item}}, " of " + file);
}

std::string configured_ledger(const Context& context) {
  const std::string file = context.effective_config_file();
  return (file.empty() ? config::defaults() : config::load(file)).config.ledger.path;
}

// By the agent, which has the file open; without one, by ourselves.
void verify(Context& context, const std::string& file) {
  if (!file.empty()) return verify_file(context, file);
  auto answer = ask(context, "GET", "/v1/audit/verify");
  if (answer) return show_check(context, *answer, "");
  const auto ledger = configured_ledger(context);
  std::error_code ignored;
  const bool ours = answer.error().code == Errc::unavailable && context.host.empty();
  if (!ours || !std::filesystem::exists(ledger, ignored)) return report(context, answer.error());
  std::cerr << "pgtend: the agent does not answer; reading its file\n";
  verify_file(context, ledger);
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
  auto file = std::make_shared<std::string>();
  check->add_option("--file", *file, "read this ledger itself (default without an agent: ledger.path)")
      ->type_name("PATH");
  check->callback([&context, file] { verify(context, *file); });
  command->callback([command, show] {
    if (command->get_subcommands().empty()) show();
  });
}

}  // namespace pgtend::cli
