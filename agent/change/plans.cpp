#include "agent/change/plans.hpp"

#include <algorithm>
#include <optional>

#include "agent/base/log.hpp"
#include "agent/base/strings.hpp"
#include "agent/change/verify/evidence.hpp"
#include "agent/change/verify/plan_shape.hpp"
#include "agent/pg/generic_plan.hpp"

namespace pgtend::change {
namespace {

constexpr std::size_t kMostPlans = 5, kMostAsked = 60;
// Source: reference tuning.md 2.1, a median of 2 to 7 ms each, so half a second for the most; the limits are for what
// is odd: statements on a table that is locked, which have 100 ms each.
constexpr Millis kStatementLimit{2'000}, kPlansLimit{2'000}, kAskLimit{5'000};
// The advisors may keep the lane for minutes. A change waits for it as long as nobody minds: plans are there to be
// looked at, and the statements that are not asked for are known by their texts.
constexpr Millis kPlansWait{500}, kAskWait{2'000};

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

net::TaskResult<bool> make_ready(pg::Connection* connection, const ProposedChange* plan, Deadline deadline) {
  const std::string marker = "plans";
  auto marked = co_await connection->mark(marker, kStatementLimit, deadline);
  if (!marked) co_return fail(std::move(marked.error()));
  const std::string settings =
      std::string(pg::kGenericPlanSettings) + "; SET lock_timeout = '100ms'; " + search_path(*plan);
  auto set = co_await connection->execute(settings, deadline);
  if (!set) co_return fail(std::move(set.error()));
  co_return true;
}

// The setting whose value decides which way the plans of all roles go; nullptr: the change is none. One of a table has
// that table's statements as targets, and one of a role that role's.
const SettingChange* planner_setting(const ProposedChange& plan) {
  const auto* setting = std::get_if<SettingChange>(&plan.detail);
  return setting != nullptr && setting->table.empty() && setting->role.empty() ? setting : nullptr;
}

// Whether the session took it: some settings are not a session's to set.
net::Task<bool> try_value(pg::Connection* connection, std::string name, std::string value, Deadline deadline) {
  const std::string sql = "SELECT pg_catalog.set_config($1, $2, false)";
  const pg::Params parameters{std::move(name), std::move(value)};
  auto set = co_await connection->query(sql, parameters, deadline);
  co_return set.has_value();
}

bool reads_one_of(const std::set<std::string>& relations, const std::vector<std::string>& tables) {
  return std::any_of(tables.begin(), tables.end(),
                     [&](const auto& table) { return relations.contains(table.substr(table.rfind('.') + 1)); });
}

// The lane's session, ready to explain; nullopt when it is not to be had within `wait`.
net::Task<std::optional<pg::Lease>> open_to_explain(CorePtr core, const ProposedChange* plan, Millis wait,
                                                    Deadline deadline) {
  auto lease = co_await core->parts.lanes.lease(pg::Lane::advise, plan->database, core->in(wait));
  if (!lease) {
    log::info("plans not looked at", {{"object", plan->object}, {"error", lease.error().describe()}});
    co_return std::nullopt;
  }
  auto ready = co_await make_ready(&lease->connection(), plan, deadline);
  if (!ready) co_return std::nullopt;
  co_return std::move(*lease);
}

using Shapes = std::map<std::int64_t, std::string>;

using Texts = std::vector<std::pair<std::int64_t, std::string>>;

net::Task<Shapes> explain_each(pg::Connection* connection, const Texts* texts, Deadline deadline) {
  Shapes out;
  for (const auto& [id, text] : *texts) {
    if (!connection->healthy() || std::chrono::steady_clock::now() >= deadline) break;
    auto shape = co_await explain(connection, text, deadline);
    if (relations_of(shape)) out[id] = std::move(shape);
  }
  co_return out;
}

}  // namespace

net::Task<std::string> capture_plans(CorePtr core, ProposedChange plan, std::vector<std::int64_t> targets) {
  std::string out = "{";
  if (targets.size() > kMostPlans) targets.resize(kMostPlans);
  auto job = [targets](store::Ledger& ledger) { return ledger.texts(targets); };
  auto texts = co_await with_ledger(core, std::move(job));
  if (!texts || texts->empty()) co_return "{}";
  const auto deadline = core->in(kPlansLimit);
  auto lease = co_await open_to_explain(core, &plan, kPlansWait, deadline);
  if (!lease) co_return "{}";
  auto* const connection = &lease->connection();
  for (const auto id : targets) {
    const auto text = texts->find(id);
    if (text == texts->end() || !connection->healthy() || core->stopping) continue;
    auto shape = co_await explain(connection, text->second, deadline);
    out += (out.size() > 1 ? ",\"" : "\"") + std::to_string(id) + "\":" + shape;
  }
  co_return out + "}";
}

net::Task<std::map<std::int64_t, bool>> touched_by_plan(CorePtr core, ProposedChange plan, Texts texts) {
  std::map<std::int64_t, bool> out;
  std::erase_if(texts, [](const auto& entry) { return !has_plan(entry.second); });
  if (texts.size() > kMostAsked) texts.resize(kMostAsked);
  const auto* setting = planner_setting(plan);
  if (texts.empty() || (setting == nullptr && plan.target_tables.empty())) co_return out;
  const auto deadline = core->in(kAskLimit);
  auto lease = co_await open_to_explain(core, &plan, kAskWait, deadline);
  if (!lease) co_return out;
  auto* const connection = &lease->connection();
  const auto now = co_await explain_each(connection, &texts, deadline);
  if (setting == nullptr) {
    for (const auto& [id, shape] : now) out[id] = reads_one_of(*relations_of(shape), plan.target_tables);
    co_return out;
  }
  const std::string show = "SELECT pg_catalog.current_setting($1, true) AS value";
  const pg::Params name{setting->name};
  auto before = co_await connection->query(show, name, deadline);
  if (!before || before->size() == 0 || !before->get(0, "value")) co_return out;
  const auto taken = co_await try_value(connection, setting->name, setting->value, deadline);
  if (!taken) co_return out;
  const auto then = co_await explain_each(connection, &texts, deadline);
  // The session is the lane's, and goes on as it was.
  const auto back = co_await try_value(connection, setting->name, before->text(0, "value"), core->in(kStatementLimit));
  if (!back) log::debug("setting not put back in the advising session", {{"setting", setting->name}});
  for (const auto& [id, shape] : now)
    if (const auto other = then.find(id); other != then.end()) out[id] = differ(shape, other->second);
  co_return out;
}

}  // namespace pgtend::change
