#include "agent/base/units.hpp"
#include "agent/cli/commands.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/plan_text.hpp"
#include "agent/cli/table.hpp"

namespace pgtend::cli {

namespace {

void show_list(const Json& answer) {
  Table table({"ID", "ACTION", "DATABASE", "OBJECT", "RISK", "DECISION", "CHANGE", "WHY"});
  for (const auto& r : answer["items"])
    table.add({cell(r, "id").substr(0, 8), cell(r["change"], "action"), cell(r["change"], "database"),
               cell(r["change"], "object"), cell(r, "risk"), cell(r["decision"], "kind"),
               cell(r, "change_id").substr(0, 8), cell(r["finding"], "summary")});
  if (!table.empty()) return print(table.render());
  if (answer["looks"].empty()) return print("nothing to recommend yet: the advisors have not run\n");
  std::string out = "nothing to recommend\n";
  for (const auto& look : answer["looks"]) {
    const auto error = cell(look, "error");
    out += "\n" + cell(look, "database") + ", looked at " + cell(look, "at") + ": " +
           (error.empty() ? std::to_string(look["refused"].size()) + " weighed and refused" : error) + "\n";
    for (const auto& other : look["refused"]) out += "  " + cell(other, "what") + ": " + cell(other, "why") + "\n";
  }
  print(out);
}

void show_one(const Json& answer) {
  const auto& r = answer["item"];
  const auto& effect = r["effect"];
  const auto unit = cell(effect, "unit");
  std::string out =
      "recommendation " + cell(r, "id") + " by " + cell(r, "advisor") + ", risk " + cell(r, "risk") + "\n";
  out += "\nWhat\n  " + cell(r["finding"], "summary") + "\n\nEvidence\n" + evidence_text(r["finding"]);
  out += "\nExpected effect\n  " + cell(effect, "metric") + ": " + quantity(effect, "before", unit) + " -> " +
         quantity(effect, "after", unit) + " (" + quantity(effect, "low", unit) + " to " +
         quantity(effect, "high", unit) + ", by " + cell(effect, "basis") + ")\n";
  out += plan_text(r["change"]);
  if (!r["refused"].empty()) out += "\nAlternatives refused\n";
  for (const auto& other : r["refused"]) out += "  " + cell(other, "what") + ": " + cell(other, "why") + "\n";
  out += "\nPolicy\n  " + cell(r["decision"], "kind") + " (" + cell(r["decision"], "limit") +
         "): " + cell(r["decision"], "reason") + "\n";
  const auto change = cell(r, "change_id"), state = cell(r, "state");
  const auto last = cell(r, "answered_by"), reason = cell(r, "state_reason");
  if (state != "open") out += "\nAnswer\n  " + state + (reason.empty() ? "" : ": " + reason) + "\n";
  if (!last.empty())
    out += "\nLast change made from it\n  look at it with: pgtend changes show " + last.substr(0, 8) + "\n";
  out += "\nPlan hash " + cell(r, "plan_hash") + "\n";
  const auto doing = cell(r, "change_state");
  if (!change.empty() && doing != "proposed") {
    out += "Its change is " + doing + "; watch it with: pgtend changes watch " + change.substr(0, 8) + "\n";
  } else if (const auto kind = cell(r["decision"], "kind"); kind == "recommend" || kind == "refused") {
    out += "Policy keeps pgtend from doing it: run the SQL by hand, or let policy.rules decide otherwise.\n";
  } else if (state != "applied") {
    out += "Approve with: pgtend " +
           (change.empty() ? "recommendations approve " + cell(r, "id").substr(0, 8)
                           : "changes approve " + change.substr(0, 8)) +
           " --plan-hash " + cell(r, "plan_hash").substr(0, 12) + "\n";
  }
  print(out);
}

}  // namespace

void add_recommendations(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("recommendations", "what pgtend would change, why, and what policy says of it");
  command->require_subcommand(0, 1);
  auto id = std::make_shared<std::string>();
  auto hash = std::make_shared<std::string>();
  auto list = [&context] { ask_and_show(context, "/v1/recommendations", show_list); };
  command->add_subcommand("list", "open recommendations")->callback(list);
  auto* show = command->add_subcommand("show", "one in full");
  show->add_option("id", *id, "id or unique prefix")->required();
  show->callback([&context, id] { ask_and_show(context, "/v1/recommendations/" + url_encode(*id), show_one); });
  auto* approve = command->add_subcommand("approve", "make its change and approve it");
  approve->add_option("id", *id, "id or unique prefix")->required();
  approve->add_option("--plan-hash", *hash, "the hash that `show` printed: approval binds to what you saw")->required();
  approve->callback([&context, id, hash] { approve_plan(context, "/v1/recommendations/", *id, *hash); });
  command->callback([command, list] {
    if (command->get_subcommands().empty()) list();
  });
}

}  // namespace pgtend::cli
