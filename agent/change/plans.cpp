#include "agent/change/plans.hpp"

#include "agent/base/log.hpp"
#include "agent/base/strings.hpp"
#include "agent/change/verify/plan_shape.hpp"
#include "agent/pg/generic_plan.hpp"

namespace pgtend::change {
namespace {

constexpr std::size_t kMostPlans = 5;
constexpr Millis kLimit{5'000}, kStatementLimit{2'000};

// Where the application finds its tables is not known: in the schemas of the change, or in public.
std::string search_path(const ProposedChange& plan) {
  std::string out = "SET search_path = \"$user\", public";
  for (const auto& table : plan.target_tables)
    if (const auto dot = table.find('.'); dot != std::string::npos)
      out += ", " + quote_identifier(table.substr(0, dot));
  return out;
}

net::Task<std::string> explain(pg::Connection* connection, std::string text, Deadline deadline) {
  auto opened = co_await pg::open_generic_plan(connection, text, deadline);
  // The server's words may hold what stands in the statement.
  if (!opened) co_return no_plan("not explained: " + opened.error().sqlstate);
  auto rows = co_await pg::explain_generic_plan(connection, text, parameters_of(text), deadline);
  auto closed = co_await pg::close_generic_plan(connection, deadline);
  if (!closed) log::debug("generic plan not closed", {{"error", closed.error().describe()}});
  if (!rows) co_return no_plan("not explained: " + rows.error().sqlstate);
  co_return rows->size() == 1 && rows->rows[0][0] ? plan_shape(*rows->rows[0][0]) : no_plan("EXPLAIN gave no plan");
}

}  // namespace

net::Task<std::string> capture_plans(CorePtr core, ProposedChange plan, std::vector<std::int64_t> targets) {
  std::string out = "{";
  if (targets.size() > kMostPlans) targets.resize(kMostPlans);
  auto job = [targets](store::Ledger& ledger) { return ledger.texts(targets); };
  auto texts = co_await with_ledger(core, std::move(job));
  if (!texts || texts->empty()) co_return "{}";
  const auto deadline = core->in(kLimit);
  auto lease = co_await core->parts.lanes.lease(pg::Lane::advise, plan.database, deadline);
  if (!lease) {
    log::info("plans not looked at", {{"object", plan.object}, {"error", lease.error().describe()}});
    co_return "{}";
  }
  auto* const connection = &lease->connection();
  const std::string marker = "plans", settings = std::string(pg::kGenericPlanSettings) + "; " + search_path(plan);
  auto marked = co_await connection->mark(marker, kStatementLimit, deadline);
  if (!marked) co_return "{}";
  auto set = co_await connection->execute(settings, deadline);
  if (!set) co_return "{}";
  for (const auto id : targets) {
    const auto text = texts->find(id);
    if (text == texts->end() || !connection->healthy()) continue;
    auto shape = co_await explain(connection, text->second, deadline);
    out += (out.size() > 1 ? ",\"" : "\"") + std::to_string(id) + "\":" + shape;
  }
  co_return out + "}";
}

}  // namespace pgtend::change
