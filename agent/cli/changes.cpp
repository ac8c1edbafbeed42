#include "agent/base/units.hpp"
#include "agent/cli/change_export.hpp"
#include "agent/cli/change_propose.hpp"
#include "agent/cli/commands.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/plan_text.hpp"
#include "agent/cli/table.hpp"
#include "agent/cli/watch.hpp"

namespace pgtend::cli {

namespace {

void show_list(const Json& answer) {
  Table table({"ID", "STATE", "ACTION", "DATABASE", "OBJECT", "UPDATED", "BY", "VERDICT"});
  for (const auto& c : answer["items"])
    table.add({cell(c, "id").substr(0, 8), cell(c, "state"), cell(c["plan"], "action"), cell(c["plan"], "database"),
               cell(c["plan"], "object"), short_time(cell(c, "updated_at")),
               cell(c, "approved_by").empty() ? cell(c, "proposed_by") : cell(c, "approved_by"),
               !cell(c, "waits").empty() ? "waits: " + cell(c, "waits")
               : c["verdict"].is_null()  ? cell(c, "last_error")
                                         : cell(c["verdict"], "kind") + ": " + cell(c["verdict"], "explanation")});
  print(table.empty() ? "no changes\n" : table.render());
}

std::string spent_text(const Json& spent) {
  if (!spent.is_object()) return "";
  return "\nSpent\n  " + format_bytes(spent.value("bytes", 0.0)) + " of disk, " +
         quantity(spent, "seconds", "seconds") + ", at most " + format_bytes(spent.value("wal_bytes", 0.0)) +
         " of WAL\n";
}

std::string verification_text(const Json& verdict) {
  if (verdict.is_null()) return "  no verdict yet\n";
  std::string out = "  " + cell(verdict, "kind") + ": " + cell(verdict, "explanation") + "\n";
  out += "  " + cell(verdict, "metric") + ", effect " + quantity(verdict, "effect", "ratio") + ", p " +
         quantity(verdict, "p_value", "") + ", " + cell(verdict, "test") + "\n";
  return out + "  windows: " + cell(verdict, "windows_before") + " before, " + cell(verdict, "windows_after") +
         " after\n";
}

void show_one(const Json& answer) {
  const auto& c = answer["item"];
  std::string out = "change " + cell(c, "id") + ": " + cell(c, "state") + "\n";
  out += "  " + cell(c["plan"], "action") + " " + cell(c["plan"], "object") + ", proposed by " + cell(c, "proposed_by");
  if (const auto who = cell(c, "approved_by"); !who.empty()) out += ", approved by " + who;
  if (const auto waits = cell(c, "waits"); !waits.empty()) out += "\n  waits: " + waits;
  out += "\n" + plan_text(c["plan"]) + spent_text(c["spent"]);
  out += "\nPolicy\n  " + cell(c["decision"], "kind") + " (" + cell(c["decision"], "limit") +
         "): " + cell(c["decision"], "reason") + "\n";
  out += "\nVerification\n" + verification_text(c["verdict"]);
  out += "\nTimeline\n";
  for (const auto* field : {"created_at", "applied_at", "observe_until", "not_before", "updated_at", "expires_at"})
    if (const auto at = cell(c, field); !at.empty()) out += "  " + std::string(field) + " " + at + "\n";
  if (const auto error = cell(c, "last_error"); !error.empty()) out += "\nLast error\n  " + error + "\n";
  out += "\nPlan hash " + cell(c, "plan_hash") + "\n";
  print(out);
}

void post(Context& context, const std::string& path, const Json& body) {
  auto answer = ask(context, "POST", path, body);
  if (!answer) {
    report(context, answer.error());
    return;
  }
  const auto& change = (*answer)["item"];
  print(context.json() ? answer->dump(2) + "\n" : state_text(change));
}

}  // namespace

void add_changes(CLI::App& app, Context& context) {
  auto* command =
      app.add_subcommand("changes", "what was and is being changed: list, show, propose, approve, reject, undo, watch, export");
  command->require_subcommand(0, 1);
  auto id = std::make_shared<std::string>();
  auto text = std::make_shared<std::string>();
  auto open = std::make_shared<bool>(false);
  auto list = [&context, open] {
    ask_and_show(context, std::string("/v1/changes") + (*open ? "?open=true" : ""), show_list);
  };
  command->add_flag("--open", *open, "only those that are not finished");
  command->add_subcommand("list", "newest first")->callback(list);
  const auto with_id = [&](const char* name, const char* help) {
    auto* sub = command->add_subcommand(name, help);
    sub->add_option("id", *id, "id or unique prefix")->required();
    return sub;
  };
  with_id("show", "one in full: plan, policy, verification, timeline")->callback([&context, id] {
    ask_and_show(context, "/v1/changes/" + url_encode(*id), show_one);
  });
  auto* approve = with_id("approve", "approve a proposed change");
  approve->add_option("--plan-hash", *text, "the hash that `show` printed: approval binds to what you saw")->required();
  approve->callback([&context, id, text] { approve_plan(context, "/v1/changes/", *id, *text); });
  auto* reject = with_id("reject", "refuse a proposed change");
  reject->add_option("-r,--reason", *text, "why; kept in the audit")->required();
  reject->callback(
      [&context, id, text] { post(context, "/v1/changes/" + url_encode(*id) + "/reject", {{"reason", *text}}); });
  with_id("undo", "take a kept or observed change back")->callback([&context, id] {
    post(context, "/v1/changes/" + url_encode(*id) + "/undo", Json::object());
  });
  with_id("watch", "follow one until it is final, with a progress bar; Ctrl-C only detaches")->callback([&context, id] {
    watch_change(context, *id);
  });
  add_changes_propose(*command, context);
  add_changes_export(*command, context);
  command->callback([command, list] {
    if (command->get_subcommands().empty()) list();
  });
}

}  // namespace pgtend::cli
