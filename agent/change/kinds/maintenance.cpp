#include "agent/change/kinds/maintenance.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/base/strings.hpp"
#include "agent/change/kinds/statement_text.hpp"

namespace pgtend::change {
namespace {

const MaintenanceChange& detail_of(const Work& work) {
  return std::get<MaintenanceChange>(work.plan.detail);
}

}  // namespace

Result<void> MaintenanceKind::validate(const ProposedChange& plan) const {
  const auto* d = std::get_if<MaintenanceChange>(&plan.detail);
  if (d == nullptr || d->schema.empty() || d->table.empty() || !(d->vacuum || d->analyze))
    return fail(Errc::invalid_argument, "a maintenance change names its schema and table and what to do");
  if (plan.sql_up.size() != 1 || !plan.sql_down.empty())
    return fail(Errc::invalid_argument, "VACUUM and ANALYZE are one statement and have no way back");
  if (plan.action != (d->vacuum ? ActionClass::vacuum : ActionClass::analyze))
    return fail(Errc::invalid_argument, "the action and the detail disagree on whether it is a vacuum");
  const auto& sql = plan.sql_up.front();
  const auto parts = parts_of(sql);
  if (parts && std::find(parts->begin(), parts->end(), "full") != parts->end() && d->schema != "full" &&
      d->table != "full")
    return fail(Errc::refused, "VACUUM FULL holds ACCESS EXCLUSIVE and writes the table anew");
  StatementReader reader(sql);
  if (d->vacuum) {
    reader.word("vacuum").maybe_options({"analyze", "freeze", "skip_locked", "index_cleanup", "truncate", "parallel",
                                         "process_toast", "buffer_usage_limit"});
    reader.maybe({"freeze"}).maybe({"analyze"});
  } else {
    reader.word("analyze").maybe_options({"skip_locked", "buffer_usage_limit"});
  }
  if (!reader.qualified(d->schema, d->table).ended())
    return fail(Errc::invalid_argument, "the statement is not the maintenance that the plan describes, of " +
                                            quote_qualified(d->schema, d->table) + ": " + sql);
  return {};
}

std::string MaintenanceKind::object_of(const ProposedChange& plan) const {
  const auto& d = std::get<MaintenanceChange>(plan.detail);
  return d.schema + "." + d.table;
}

std::optional<Relation> MaintenanceKind::grows(const ProposedChange& plan) const {
  const auto& d = std::get<MaintenanceChange>(plan.detail);
  return Relation{d.schema, d.table};
}

net::TaskResult<std::vector<std::string>> MaintenanceKind::missing_rights(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  const bool creates = false;
  auto missing = co_await missing_ownership(asker, d.schema, d.table, work.plan.run_as_role, creates);
  co_return missing;
}

net::TaskResult<std::string> MaintenanceKind::fingerprint(Asker* asker, Work work) const {
  // When it was last done is part of it: a plan that somebody else has carried out meanwhile is not carried out again.
  const std::string sql =
      "SELECT c.oid, coalesce(pg_stat_get_last_vacuum_time(c.oid)::text, '') AS vacuumed, "
      "coalesce(pg_stat_get_last_analyze_time(c.oid)::text, '') AS analyzed FROM pg_class c JOIN pg_namespace n ON "
      "n.oid = c.relnamespace "
      "WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'm', 'p')";
  const pg::Params names{detail_of(work).schema, detail_of(work).table};
  auto rows = co_await asker->ask(sql, names);
  if (!rows) co_return fail(std::move(rows.error()), "look at " + work.plan.object);
  if (rows->size() == 0) co_return fail(Errc::not_found, "there is no table " + work.plan.object);
  const auto done = (detail_of(work).vacuum ? rows->text(0, "vacuumed") : "") + " " +
                    (detail_of(work).analyze ? rows->text(0, "analyzed") : "");
  co_return rows->text(0, "oid") + " " + done;
}

net::TaskResult<std::string> MaintenanceKind::snapshot(Asker* asker, Work) const {
  return time_snapshot(asker);
}

net::TaskResult<Standing> MaintenanceKind::probe(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  const auto since = time_of(work.catalog);
  if (since.empty()) co_return Standing{Presence::not_begun, "nothing is known of the time before"};
  auto runs = co_await runs_since(asker, d.schema, d.table, since);
  if (!runs) co_return fail(std::move(runs.error()));
  if (!runs->found) co_return Standing{Presence::foreign, "the table is gone"};
  const bool done = (!d.vacuum || runs->vacuumed) && (!d.analyze || runs->analyzed);
  if (!done && work.returned && runs->told_late) co_return Standing{Presence::done, "the statement reported success"};
  if (!done) co_return Standing{Presence::not_begun, "pg_stat_all_tables shows no run since the change began"};
  co_return Standing{Presence::done, d.vacuum ? "last_vacuum moved" : "last_analyze moved"};
}

net::TaskResult<Runs> runs_since(Asker* asker, std::string schema, std::string table, std::string since) {
  // The server's clock on both sides.
  const std::string sql =
      "SELECT s.last_vacuum >= $3::timestamptz AS vacuumed, s.last_analyze >= $3::timestamptz AS analyzed, "
      "current_setting('server_version_num')::int < 150000 AS told_late "
      "FROM pg_stat_all_tables s WHERE s.schemaname = $1 AND s.relname = $2";
  const pg::Params params{schema, table, since};
  auto rows = co_await asker->ask(sql, params);
  if (!rows) co_return fail(std::move(rows.error()), "look at " + schema + "." + table);
  if (rows->size() == 0) co_return Runs{};
  co_return Runs{true, rows->boolean(0, "vacuumed"), rows->boolean(0, "analyzed"), rows->boolean(0, "told_late")};
}

net::TaskResult<std::string> time_snapshot(Asker* asker) {
  const std::string sql = "SELECT clock_timestamp()::text AS server_time";
  const pg::Params none;
  auto rows = co_await asker->ask(sql, none);
  if (!rows) co_return fail(std::move(rows.error()), "read the server's clock");
  nlohmann::json out;
  out["server_time"] = rows->text(0, "server_time");
  co_return out.dump();
}

std::string time_of(const std::string& catalog) {
  const auto before = nlohmann::json::parse(catalog, nullptr, false);
  return before.is_object() ? before.value("server_time", std::string()) : std::string();
}

}  // namespace pgtend::change
