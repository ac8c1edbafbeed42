#include "agent/cli/change_export.hpp"
#include "agent/cli/change_propose.hpp"
#include "agent/cli/change_text.hpp"
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

// Only the recommendation knows why and what was expected.
void show_one(Context& context, const std::string& id) {
  const auto answer = ask(context, "GET", "/v1/changes/" + url_encode(id));
  if (!answer) return report(context, answer.error());
  if (context.json()) return print(answer->dump(2) + "\n");
  const auto& change = (*answer)["item"];
  const auto from = cell(change, "recommendation_id");
  const auto made =
      from.empty() ? Result<Json>(Json()) : ask(context, "GET", "/v1/recommendations/" + url_encode(from));
  print(change_text(change, made && made->is_object() ? (*made)["item"] : Json()));
}

// Not through ask(): another spelling would not be what was hashed.
void save_proof(Context& context, const std::string& id) {
  const auto answer = exchange(context, "GET", "/v1/changes/" + url_encode(id) + "/proof");
  if (!answer) return report(context, answer.error());
  print(answer->body);
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
  auto* command = app.add_subcommand(
      "changes", "what was and is being changed: list, show, propose, approve, reject, undo, watch, export, proof");
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
  with_id("show", "one in full: what, evidence, gain, cost, SQL both ways, policy, verification, timeline")
      ->callback([&context, id] { show_one(context, *id); });
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
  with_id("proof", "one as a file that proves itself, on stdout; check it with: pgtend proof verify FILE")
      ->callback([&context, id] { save_proof(context, *id); });
  add_changes_export(*command, context);
  command->callback([command, list] {
    if (command->get_subcommands().empty()) list();
  });
}

}  // namespace pgtend::cli
