#include "agent/cli/plan_text.hpp"

#include "agent/base/units.hpp"
#include "agent/cli/exit_codes.hpp"

namespace pgtend::cli {

namespace {

constexpr std::size_t kShortestHash = 8;

std::string statements(const Json& list, std::string_view end = ";") {
  std::string out;
  for (const auto& sql : list) out += "  " + sql.get<std::string>() + std::string(end) + "\n";
  return out.empty() ? "  (no way back)\n" : out;
}

}  // namespace

std::string evidence_text(const Json& finding) {
  std::string out;
  for (const auto& e : finding["evidence"]) {
    out += "  " + cell(e, "name") + ": " + quantity(e, "value", cell(e, "unit"));
    if (const auto detail = cell(e, "detail"); !detail.empty()) out += "  (" + detail + ")";
    out += "\n";
  }
  return out;
}

std::string plan_text(const Json& plan) {
  const auto& cost = plan["cost"];
  std::string out = "\nCost\n  " + format_bytes(cost.value("bytes", 0.0)) + " of disk, about " +
                    quantity(cost, "seconds", "seconds") + ", " + format_bytes(cost.value("wal_bytes", 0.0)) +
                    " of WAL, lock " + cell(plan, "lock") + "\n";
  if (cell(plan, "kind") == "pgbouncer")
    return out + "\nSteps\n" + statements(plan["sql_up"], "") + "\nSteps back\n" + statements(plan["sql_down"], "");
  out += "\nSQL in " + cell(plan, "database") +
         (cell(plan, "run_as_role").empty() ? "" : " as role " + cell(plan, "run_as_role")) + "\n" +
         statements(plan["sql_up"]);
  return out + "\nSQL back\n" + statements(plan["sql_down"]);
}

std::string state_text(const Json& change) {
  const auto waits = cell(change, "waits");
  return "change " + cell(change, "id") + " is " + cell(change, "state") + "\n" +
         (waits.empty() ? "" : "waits: " + waits + "\n");
}

void approve_plan(Context& context, const std::string& base, const std::string& id, const std::string& hash) {
  if (hash.size() < kShortestHash) {
    const auto error = fail(Errc::invalid_argument, "give at least 8 digits of the plan hash that `show` printed");
    report(context, error.value());
    context.exit_code = kUsage;
    return;
  }
  const std::string path = base + url_encode(id);
  auto shown = ask(context, "GET", path);
  if (!shown) {
    report(context, shown.error());
    return;
  }
  const auto full = cell((*shown)["item"], "plan_hash");
  if (!full.starts_with(hash)) {
    const auto error = fail(Errc::conflict, "the plan is not the one you saw: its hash is now " + full +
                                                "\n  look at it again with `show` and approve that");
    report(context, error.value());
    return;
  }
  auto answer = ask(context, "POST", path + "/approve", {{"plan_hash", full}});
  if (!answer) {
    report(context, answer.error());
    return;
  }
  const auto& change = (*answer)["item"];
  print(context.json()
            ? answer->dump(2) + "\n"
            : state_text(change) + "watch it with: pgtend changes watch " + cell(change, "id").substr(0, 8) + "\n");
}

}  // namespace pgtend::cli
