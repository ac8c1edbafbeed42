#include "agent/change/kinds/partition.hpp"

#include <nlohmann/json.hpp>

#include "agent/base/strings.hpp"
#include "agent/change/kinds/partition_found.hpp"
#include "agent/change/kinds/statement_text.hpp"

namespace pgtend::change {
namespace {

const PartitionChange& detail_of(const Work& work) {
  return std::get<PartitionChange>(work.plan.detail);
}
// The names that snapshot() gave; empty: nobody looked.
std::string checks_before(const Work& work) {
  const auto before = nlohmann::json::parse(work.catalog, nullptr, false);
  return before.is_object() ? before.value("checks", std::string()) : std::string();
}

bool creates(const ProposedChange& plan) {
  return plan.action == ActionClass::create_partition;
}
std::string comment_of(const Work& work) {
  return "pgtend:" + work.change_id;
}
std::string name_of(const PartitionChange& d) {
  return d.schema + "." + d.partition;
}

std::string create_statement(const PartitionChange& d) {
  // A partition takes its identity from its parent, and one of its own stands in the way of ATTACH.
  return "CREATE TABLE " + quote_qualified(d.schema, d.partition) + " (LIKE " + quote_qualified(d.schema, d.table) +
         " INCLUDING ALL EXCLUDING IDENTITY)";
}
std::string drop_statement(const PartitionChange& d) {
  return "DROP TABLE " + quote_qualified(d.schema, d.partition);
}
std::string attach_statement(const PartitionChange& d, const std::string& bound) {
  return "ALTER TABLE " + quote_qualified(d.schema, d.table) + " ATTACH PARTITION " +
         quote_qualified(d.schema, d.partition) + " " + bound;
}
std::string detach_statement(const PartitionChange& d, std::string_view how) {
  return "ALTER TABLE " + quote_qualified(d.schema, d.table) + " DETACH PARTITION " +
         quote_qualified(d.schema, d.partition) + std::string(how);
}
std::string bound_of(const PartitionChange& d) {
  return "FOR VALUES FROM (" + quote_literal(d.from) + ") TO (" + quote_literal(d.to) + ")";
}
bool is_attach(const std::string& sql, const PartitionChange& d) {
  StatementReader reader(sql);
  reader.word("alter").word("table").qualified(d.schema, d.table).word("attach").word("partition");
  return reader.qualified(d.schema, d.partition).word("for").word("values").more();
}
bool is_concurrent(const std::string& sql, const PartitionChange& d) {
  return same_statement(sql, detach_statement(d, " CONCURRENTLY"));
}

Error told(Errc code, std::string message) {
  return Error{code, std::move(message), {}, "", false};
}

Result<void> check_statements(const std::vector<std::string>& given, const std::vector<std::string>& wanted) {
  if (same_statements(given, wanted)) return {};
  return fail(Errc::invalid_argument,
              "the statements are not what the plan describes, " + join(wanted, "; ") + ": " + join(given, "; "));
}

net::TaskResult<FoundPartition> find(Asker* asker, PartitionChange d) {
  auto found = co_await find_partition(asker, d);
  if (found && !found->has_parent)
    co_return fail(Errc::not_found, "there is no partitioned table " + d.schema + "." + d.table);
  co_return found;
}

}  // namespace

void PartitionKind::compose(ProposedChange& plan) const {
  const auto* d = std::get_if<PartitionChange>(&plan.detail);
  if (d == nullptr || !plan.sql_up.empty()) return;
  if (creates(plan))
    plan.sql_up = {create_statement(*d), attach_statement(*d, bound_of(*d))};
  else
    plan.sql_up = {detach_statement(*d, " CONCURRENTLY")};
}

Result<void> PartitionKind::validate(const ProposedChange& plan) const {
  const auto* d = std::get_if<PartitionChange>(&plan.detail);
  if (d == nullptr || plan.kind != ChangeKind::partition || d->schema.empty() || d->table.empty() ||
      d->partition.empty() || d->partition == d->table)
    return fail(Errc::invalid_argument, "a partition change names its schema, table and partition");
  if (creates(plan)) {
    if (d->from.empty() || d->to.empty())
      return fail(Errc::invalid_argument, "a partition to be made has its bounds, from and to");
    if (auto up = check_statements(plan.sql_up, {create_statement(*d), attach_statement(*d, bound_of(*d))}); !up)
      return up;
    if (plan.sql_down.empty()) return {};
    return check_statements(plan.sql_down, {detach_statement(*d, ""), drop_statement(*d)});
  }
  const bool concurrent = plan.sql_up.size() == 1 && is_concurrent(plan.sql_up.front(), *d);
  if (!concurrent)
    if (auto up = check_statements(plan.sql_up, {detach_statement(*d, "")}); !up) return up;
  if (plan.sql_down.empty() || (plan.sql_down.size() == 1 && is_attach(plan.sql_down.front(), *d))) return {};
  return fail(Errc::invalid_argument, "the way back is not " + attach_statement(*d, "FOR VALUES …"));
}

std::string PartitionKind::object_of(const ProposedChange& plan) const {
  const auto& d = std::get<PartitionChange>(plan.detail);
  return d.schema + "." + d.table;
}

Regime PartitionKind::regime(const ProposedChange& plan) const {
  const auto& d = std::get<PartitionChange>(plan.detail);
  const bool concurrent = !plan.sql_up.empty() && is_concurrent(plan.sql_up.front(), d);
  return concurrent ? Regime::concurrent : Regime::strong_lock;
}

net::TaskResult<ProposedChange> PartitionKind::complete(Asker* asker, Work work) const {
  auto plan = std::move(work.plan);
  const auto& d = std::get<PartitionChange>(plan.detail);
  auto found = co_await find(asker, d);
  if (!found) co_return fail(std::move(found.error()));
  plan.target_tables = {d.schema + "." + d.table, name_of(d)};
  plan.lock = LockLevel::share_update_exclusive;
  if (creates(plan)) {
    if (found->has_default) plan.lock = LockLevel::access_exclusive;
    plan.sql_down = {detach_statement(d, ""), drop_statement(d)};
    co_return plan;
  }
  if (!found->attached) co_return fail(Errc::not_found, d.schema + "." + d.table + " has no partition " + name_of(d));
  if (found->bound == "DEFAULT") co_return fail(Errc::refused, "the DEFAULT partition is not detached");
  if (!found->detaches_concurrently) {
    plan.sql_up = {detach_statement(d, "")};
    plan.lock = LockLevel::access_exclusive;
  }
  plan.sql_down = {attach_statement(d, found->bound)};
  co_return plan;
}

net::TaskResult<std::vector<std::string>> PartitionKind::missing_rights(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  const bool creating = creates(work.plan);
  auto missing = co_await missing_ownership(asker, d.schema, d.table, work.plan.run_as_role, creating);
  co_return missing;
}

net::TaskResult<std::string> PartitionKind::fingerprint(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  auto found = co_await find(asker, d);
  if (!found) co_return fail(std::move(found.error()));
  if (!creates(work.plan)) {
    if (!found->attached && !work.ours) co_return fail(Errc::not_found, "there is no partition " + name_of(d));
    co_return found->parent_oid + " " + found->oid;
  }
  if (!found->key.starts_with("RANGE (") || found->key.find(',') != std::string::npos)
    co_return fail(Errc::unsupported, "only partitions by range of one column are made; this is by " + found->key);
  if (found->default_has_pages)
    co_return fail(Errc::refused,
                   "the DEFAULT partition is not empty: it would be scanned for rows of the new one under "
                   "ACCESS EXCLUSIVE");
  co_return found->parent_oid + " " + found->key + (found->has_default ? " with default" : "");
}

net::TaskResult<Standing> PartitionKind::probe(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  auto found = co_await find(asker, d);
  if (!found) co_return fail(std::move(found.error()));
  const auto name = name_of(d);
  if (found->elsewhere) co_return Standing{Presence::foreign, name + " is a partition of another table"};
  if (!creates(work.plan)) {
    if (!found->exists) co_return Standing{Presence::foreign, "there is no table " + name};
    if (found->pending) co_return Standing{Presence::partial, "the detachment of " + name + " is not finished"};
    const bool done = found->attached == work.reverse;
    co_return Standing{done ? Presence::done : Presence::not_begun,
                       name + (found->attached ? " is attached" : " is detached")};
  }
  if (work.reverse) {
    if (!found->exists) co_return Standing{Presence::done, "there is no table " + name};
    if (found->comment != comment_of(work))
      co_return Standing{Presence::foreign, name + " does not carry the comment of this change"};
    if (found->has_pages) co_return Standing{Presence::foreign, name + " holds rows, or held some"};
    co_return Standing{Presence::not_begun, name + " is there and holds nothing"};
  }
  if (!found->exists) co_return Standing{Presence::not_begun, "there is no table " + name};
  if (!work.ours && found->comment != comment_of(work))
    co_return Standing{Presence::foreign, "a table " + name + " exists that this change did not make"};
  if (found->attached) co_return Standing{Presence::done, name + " is attached " + found->bound};
  co_return Standing{Presence::partial, name + " is there and not attached"};
}

net::TaskResult<std::vector<Step>> PartitionKind::steps(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  auto found = co_await find(asker, d);
  if (!found) co_return fail(std::move(found.error()));
  std::vector<Step> out;
  const auto way = regime(work.plan);
  if (!creates(work.plan)) {
    const auto& sql = work.reverse ? work.plan.sql_down.front() : work.plan.sql_up.front();
    const bool attaches = work.reverse;
    // Until it is finished no other partition of the table can be detached, and this one not be attached.
    if (found->pending) out.push_back({detach_statement(d, " FINALIZE"), Regime::concurrent});
    if (attaches ? found->pending || !found->attached : found->attached && !found->pending)
      out.push_back({sql, attaches ? Regime::strong_lock : way});
    co_return out;
  }
  if (work.reverse) {
    // The table itself is dropped by finish(), when nobody can write to it through its parent any more.
    if (found->attached) out.push_back({work.plan.sql_down.front(), Regime::strong_lock});
    co_return out;
  }
  if (!found->exists) out.push_back({work.plan.sql_up.front(), Regime::strong_lock});
  if (!found->attached) out.push_back({work.plan.sql_up.back(), Regime::strong_lock});
  co_return out;
}

net::TaskResult<RowSet> PartitionKind::clean(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  const pg::Params none;
  auto found = co_await find(asker, d);
  if (!found) co_return fail(std::move(found.error()));
  std::vector<std::string> statements;
  if (!creates(work.plan)) {
    if (!found->pending) co_return RowSet();
    statements = {"SET lock_timeout TO '100ms'", detach_statement(d, " FINALIZE"),
                  work.reverse ? work.plan.sql_up.front() : work.plan.sql_down.front()};
  } else if (found->exists && !found->attached && !found->has_pages && work.ours) {
    statements = {drop_statement(d)};
  }
  for (const auto& sql : statements) {
    auto done = co_await asker->ask(sql, none);
    if (!done) co_return done;
  }
  if (creates(work.plan) || work.reverse) co_return RowSet();
  co_return co_await drop_check_of_bounds(asker, d, checks_before(work));
}

// What DETACH CONCURRENTLY adds is told by this from what was there.
net::TaskResult<std::string> PartitionKind::snapshot(Asker* asker, Work work) const {
  if (creates(work.plan)) co_return std::string("{}");
  auto checks = co_await checks_of(asker, detail_of(work));
  if (!checks) co_return checks;
  nlohmann::json out;
  out["checks"] = *checks;
  co_return out.dump();
}

net::TaskResult<RowSet> PartitionKind::finish(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  const pg::Params none;
  auto found = co_await find(asker, d);
  if (!found) co_return fail(std::move(found.error()));
  const std::string comment = "COMMENT ON TABLE " + quote_qualified(d.schema, d.partition) + " IS ";
  std::string sql;
  if (!creates(work.plan)) {
    const auto mark = detached_mark(work.change_id);
    const auto before = without_mark(found->comment);
    if (work.reverse) {
      auto dropped = co_await drop_check_of_bounds(asker, d, checks_before(work));
      if (!dropped || before == found->comment) co_return dropped;
      sql = comment + (before.empty() ? "NULL" : quote_literal(before));
    } else {
      if (found->comment.find(mark) != std::string::npos) co_return RowSet();
      const std::string clock = "SELECT date_trunc('second', clock_timestamp() AT TIME ZONE 'UTC')::text AS now";
      auto now = co_await asker->ask(clock, none);
      if (!now) co_return now;
      sql = comment + quote_literal(before + (before.empty() ? "" : " ") + mark + now->text(0, "now") + "+00");
    }
  } else if (!work.reverse) {
    sql = comment + quote_literal(comment_of(work));
  } else if (!found->exists || found->attached) {
    co_return RowSet();
  } else if (found->has_pages) {
    // Somebody wrote to it in the last moment: it goes back to its place.
    auto attached = co_await asker->ask(work.plan.sql_up.back(), none);
    if (!attached) co_return attached;
    co_return tl::unexpected(told(Errc::conflict, name_of(d) + " got rows in the last moment and was attached again"));
  } else {
    sql = drop_statement(d);
  }
  auto done = co_await asker->ask(sql, none);
  co_return done;
}

void DropPartitionKind::compose(ProposedChange& plan) const {
  const auto* d = std::get_if<PartitionChange>(&plan.detail);
  if (d == nullptr) return;
  if (plan.sql_up.empty()) plan.sql_up = {drop_statement(*d)};
  plan.lock = LockLevel::access_exclusive;
}

Result<void> DropPartitionKind::validate(const ProposedChange& plan) const {
  const auto* d = std::get_if<PartitionChange>(&plan.detail);
  if (d == nullptr || plan.kind != ChangeKind::partition || d->schema.empty() || d->table.empty() ||
      d->partition.empty() || d->partition == d->table || d->grace_days < 1)
    return fail(Errc::invalid_argument,
                "a partition change names its schema, table and partition, and to drop it at "
                "least one day of grace");
  if (!plan.sql_down.empty()) return fail(Errc::invalid_argument, "a dropped table has no way back");
  return check_statements(plan.sql_up, {drop_statement(*d)});
}

std::string DropPartitionKind::object_of(const ProposedChange& plan) const {
  const auto& d = std::get<PartitionChange>(plan.detail);
  return d.schema + "." + d.table;
}

net::TaskResult<std::vector<std::string>> DropPartitionKind::missing_rights(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  const bool creating = false;
  auto missing = co_await missing_ownership(asker, d.schema, d.partition, work.plan.run_as_role, creating);
  co_return missing;
}

net::TaskResult<std::string> DropPartitionKind::fingerprint(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  auto found = co_await find(asker, d);
  if (!found) co_return fail(std::move(found.error()));
  const auto name = name_of(d);
  if (!found->exists) co_return fail(Errc::not_found, "there is no table " + name);
  if (!found->is_table || found->attached || found->elsewhere)
    co_return fail(Errc::refused, name + " is not a detached table: detach it first (detach_partition)");
  if (found->days_since_detached < 0) co_return fail(Errc::refused, name + " was not detached by a change of pgtend");
  if (found->days_since_detached < d.grace_days)
    co_return fail(Errc::refused, name + " was detached less than " + std::to_string(d.grace_days) + " days ago");
  co_return found->oid + " " + found->comment;
}

net::TaskResult<Standing> DropPartitionKind::probe(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  auto found = co_await find(asker, d);
  if (!found) co_return fail(std::move(found.error()));
  if (!found->exists) co_return Standing{Presence::done, "there is no table " + name_of(d)};
  co_return Standing{Presence::not_begun, name_of(d) + " is there"};
}

}  // namespace pgtend::change
