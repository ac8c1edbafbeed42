#include "agent/cli/change_propose.hpp"

#include <fstream>
#include <iostream>
#include <iterator>

#include "agent/cli/exit_codes.hpp"
#include "agent/cli/plan_text.hpp"

namespace pgtend::cli {

namespace {

// "-" is what is piped in.
Result<Json> read_plan(const std::string& file) {
  std::ifstream opened;
  if (file != "-") opened.open(file);
  auto& in = file == "-" ? std::cin : opened;
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (text.empty()) return fail(Errc::invalid_argument, file + " cannot be read or is empty");
  auto plan = Json::parse(text, nullptr, false);
  if (plan.is_discarded()) return fail(Errc::invalid_argument, file + " is not JSON");
  return plan;
}

void propose(Context& context, const std::string& file) {
  const auto plan = read_plan(file);
  if (!plan) {
    report(context, plan.error());
    context.exit_code = kUsage;
    return;
  }
  auto answer = ask(context, "POST", "/v1/changes", *plan);
  if (!answer) return report(context, answer.error());
  if (context.json()) return print(answer->dump(2) + "\n");
  const auto& change = (*answer)["item"];
  const auto id = cell(change, "id").substr(0, 8);
  print(state_text(change) + plan_text(change["plan"]) + "\nPlan hash " + cell(change, "plan_hash") +
        "\nApprove it with: pgtend changes approve " + id + " --plan-hash " + cell(change, "plan_hash").substr(0, 12) +
        "\n");
}

}  // namespace

void add_changes_propose(CLI::App& changes, Context& context) {
  auto* command = changes.add_subcommand(
      "propose", "hand in a plan of your own (JSON: action, kind, database, detail); it waits for approval");
  auto file = std::make_shared<std::string>();
  command->add_option("file", *file, "the plan; - reads it from standard input")->required();
  command->callback([&context, file] { propose(context, *file); });
}

}  // namespace pgtend::cli
