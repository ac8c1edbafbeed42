// What the agent finds and recommends, and what it does about it by itself.
#include <set>

#include "agent/cli/demo/acts.hpp"
#include "agent/cli/plan_text.hpp"

namespace pgtend::cli::demo {

namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::string line;
  for (const char c : text) {
    if (c != '\n') {
      line += c;
      continue;
    }
    while (!line.empty() && line.front() == ' ') line.erase(0, 1);
    out.push_back(std::move(line));
    line.clear();
  }
  return out;
}

constexpr const char* kMissing = R"(
  SELECT NOT EXISTS (
    SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
    WHERE i.indrelid = 'public.orders'::regclass AND a.attname = 'customer_id'))";

}  // namespace

Result<void> show_findings(Stage& stage) {
  stage.step = "findings";
  cli::Json found;
  std::set<std::string> checks;
  const auto is_found = [&]() -> Result<bool> {
    auto answer = stage.agent->get("/v1/findings");
    if (!answer) return fail(std::move(answer.error()));
    found = (*answer)["items"];
    checks.clear();
    for (const auto& each : found) checks.insert(cell(each, "check"));
    return checks.contains("missing_index") && checks.contains("duplicate_index");
  };
  if (auto ok = wait_for(stage, "the advisors compare two readings of the counters", Millis(90'000), is_found); !ok)
    return ok;
  auto twice = stage.eye->number(R"(
    SELECT count(*) FROM pg_index a JOIN pg_index b ON a.indrelid = b.indrelid AND a.indexrelid < b.indexrelid
      AND a.indkey = b.indkey WHERE a.indrelid = 'public.order_items'::regclass)");
  if (!twice) return fail(std::move(twice.error()));
  auto missing = stage.eye->holds(kMissing);
  if (!missing) return fail(std::move(missing.error()));
  if (*twice != 1 || !*missing) return fail(Errc::internal, "a finding contradicts PostgreSQL's catalogs");
  std::vector<std::string> summaries;
  for (const auto& each : found) summaries.push_back(cell(each, "severity") + ": " + cell(each, "summary"));
  stage.timeline.done("findings", std::to_string(found.size()) + " findings", {{"findings", summaries}}, summaries);

  stage.step = "index_recommended";
  const auto recommended = [&]() -> Result<bool> {
    auto one = customer_index(stage);
    if (!one) return fail(std::move(one.error()));
    found = *one;
    return !found.is_null();
  };
  if (auto ok = wait_for(stage, "an index on orders.customer_id is recommended", Millis(60'000), recommended); !ok)
    return ok;
  if (cell(found["decision"], "kind") != "needs_approval")
    return fail(Errc::internal, "policy says " + cell(found["decision"], "kind") + " instead of asking for approval");
  auto details = lines_of(evidence_text(found["finding"]));
  const auto& effect = found["effect"];
  details.push_back("expected: " + cell(effect, "metric") + " " + shown(effect.value("before", 0.0), 2) + " -> " +
                    shown(effect.value("after", 0.0), 2) + " " + cell(effect, "unit") + " (" +
                    shown(effect.value("low", 0.0), 2) + " to " + shown(effect.value("high", 0.0), 2) + ", by " +
                    cell(effect, "basis") + ")");
  details.push_back(found["change"]["sql_up"][0].get<std::string>());
  for (const auto& other : found["refused"])
    details.push_back("refused: " + cell(other, "what") + ": " + cell(other, "why"));
  details.push_back("policy: " + cell(found["decision"], "reason"));
  stage.timeline.done("index_recommended", cell(found["finding"], "summary"),
                      {{"recommendation", cell(found, "id")},
                       {"sql", found["change"]["sql_up"][0]},
                       {"evidence", found["finding"]["evidence"]},
                       {"effect", effect},
                       {"decision", cell(found["decision"], "kind")}},
                      details);
  return {};
}

Result<cli::Json> customer_index(Stage& stage) {
  auto answer = stage.agent->get("/v1/recommendations");
  if (!answer) return fail(std::move(answer.error()));
  for (const auto& each : (*answer)["items"]) {
    const auto& detail = each["change"]["detail"];
    if (cell(each, "advisor") == "missing_index" && cell(detail, "table") == "orders" &&
        detail["key_columns"][0] == "customer_id")
      return each;
  }
  return cli::Json();
}

Result<void> refresh_view(Stage& stage) {
  stage.step = "view_refreshed";
  cli::Json change;
  const auto refreshed = [&]() -> Result<bool> {
    auto answer = stage.agent->get("/v1/changes");
    if (!answer) return fail(std::move(answer.error()));
    for (const auto& each : (*answer)["items"]) {
      if (cell(each["plan"], "action") != "refresh_matview") continue;
      change = each;
      if (const auto state = cell(each, "state"); state == "failed" || state == "lost")
        return fail(Errc::server, "the refresh is " + state + ": " + cell(each, "last_error"));
      return cell(each, "state") == "kept";
    }
    return false;
  };
  if (auto ok = wait_for(stage, "the stale view is refreshed by policy", Millis(90'000), refreshed); !ok) return ok;
  auto rows = stage.eye->run(R"(
    SELECT (SELECT sum(orders) FROM sales_by_day) AS in_view, (SELECT count(*) FROM orders) AS in_table,
           (SELECT n_tup_ins + n_tup_upd FROM pg_stat_user_tables WHERE relname = 'sales_by_day') AS written)");
  if (!rows) return fail(std::move(rows.error()));
  const double in_view = rows->number(0, "in_view").value_or(0), in_table = rows->number(0, "in_table").value_or(0);
  if (in_view <= stage.view_rows_at_start)
    return fail(Errc::internal, "the view still counts " + shown(in_view, 0) + " orders, as at the start");
  stage.timeline.done("view_refreshed",
                      change["plan"]["sql_up"][0].get<std::string>() + ": it was " +
                          shown(in_view - stage.view_rows_at_start, 0) + " orders behind",
                      {{"change", cell(change, "id")},
                       {"sql", change["plan"]["sql_up"][0]},
                       {"orders_in_view_before", stage.view_rows_at_start},
                       {"orders_in_view_after", in_view},
                       {"orders_in_table", in_table},
                       {"decision", cell(change["decision"], "limit")}},
                      {"by policy, nobody was asked: " + cell(change["decision"], "reason")});
  return {};
}

}  // namespace pgtend::cli::demo
