#include "agent/change/gates.hpp"

#include <sys/statvfs.h>

#include <algorithm>

#include "agent/base/strings.hpp"
#include "agent/base/units.hpp"

namespace pgtend::change {
namespace {

constexpr Millis kLook{5'000};

net::TaskResult<RowSet> no_old_snapshots(CorePtr core, Asker* asker) {
  // Statements and snapshots of this database: a concurrent build would wait for every one of them.
  const std::string sql =
      "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - CASE WHEN a.state = 'active' THEN "
      "  least(a.query_start, CASE WHEN a.backend_xmin IS NOT NULL THEN a.xact_start END) ELSE a.xact_start END)), 0) "
      "AS age, "
      "(array_agg(a.pid ORDER BY a.xact_start NULLS LAST))[1] AS pid "
      "FROM pg_stat_activity a WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() "
      "AND a.backend_type = 'client backend' AND (a.state = 'active' OR a.backend_xmin IS NOT NULL OR a.backend_xid IS "
      "NOT NULL)";
  const pg::Params none;
  auto rows = co_await asker->ask(sql, none);
  if (!rows) co_return fail(std::move(rows.error()), "look for old snapshots");
  const double age = rows->number(0, "age").value_or(0);
  if (age * 1000 <= static_cast<double>(core->options.max_xact_age.count())) co_return rows;
  co_return fail(Errc::unavailable,
                 "the build would wait for a transaction or statement of pid " + rows->text(0, "pid") + " that is " +
                     std::to_string(static_cast<int>(age)) + " s old",
                 true);
}

net::TaskResult<RowSet> no_other_build(Asker* asker, ProposedChange plan) {
  const std::string sql =
      "SELECT p.pid FROM pg_stat_progress_create_index p JOIN pg_class c ON c.oid = p.relid JOIN pg_namespace n "
      "ON n.oid = c.relnamespace WHERE n.nspname || '.' || c.relname = ANY ($1::text[]) AND p.datname = "
      "current_database()";
  std::string array = "{";
  for (const auto& table : plan.target_tables) array += (array.size() > 1 ? "," : "") + quote_identifier(table);
  const pg::Params params{array + "}"};
  auto rows = co_await asker->ask(sql, params);
  if (!rows) co_return fail(std::move(rows.error()), "look for other builds");
  if (rows->size() == 0) co_return rows;
  co_return fail(Errc::unavailable, "another index is being built on the table by pid " + rows->text(0, "pid"), true);
}

net::TaskResult<Millis> replicas_follow(CorePtr core, Asker* asker) {
  auto lag = co_await replica_lag(asker);
  if (!lag || *lag <= core->options.max_replica_lag) co_return lag;
  co_return fail(Errc::unavailable, "a standby is " + format_duration(*lag) + " behind", true);
}

Error missing_right(const std::vector<std::string>& missing) {
  Error error;
  error.code = Errc::permission;
  error.message = "missing right: " + join(missing, "; ");
  return error;
}

// What the standing forbids before anything was begun.
Result<void> may_begin(const Standing& standing, const Work& work) {
  if (standing.presence == Presence::foreign) return fail(Errc::conflict, standing.detail);
  if (standing.presence == Presence::partial && !work.ours)
    return fail(Errc::conflict, standing.detail + ", and this change did not make it");
  if (standing.presence == Presence::done && !work.reverse)
    return fail(Errc::conflict, "it is so already: " + standing.detail);
  return {};
}

}  // namespace

net::TaskResult<Millis> replica_lag(Asker* asker) {
  const std::string sql = "SELECT coalesce(max(extract(epoch FROM r.replay_lag)), 0) AS lag FROM pg_stat_replication r";
  const pg::Params none;
  auto rows = co_await asker->ask(sql, none);
  if (!rows) co_return fail(std::move(rows.error()), "look at the replicas");
  co_return Millis(static_cast<std::int64_t>(rows->number(0, "lag").value_or(0) * 1000));
}

net::TaskResult<Disk> free_disk(CorePtr core, Asker* asker, bool is_local) {
  Disk out;
  if (!is_local) {
    out.note = "not checked: the server is on another host";
    co_return out;
  }
  const std::string sql = "SELECT setting FROM pg_settings WHERE name = 'data_directory'";
  const pg::Params none;
  auto rows = co_await asker->ask(sql, none);
  if (!rows) co_return fail(std::move(rows.error()), "read the data directory");
  if (rows->size() == 0) {
    out.note = "not checked: the data directory is not shown to this role";
    co_return out;
  }
  auto job = [path = rows->text(0, "setting")] {
    Disk found;
    struct statvfs fs{};
    if (statvfs(path.c_str(), &fs) != 0) {
      found.note = "not checked: the data directory cannot be reached from here";
      return found;
    }
    found.free_bytes = static_cast<double>(fs.f_bavail) * static_cast<double>(fs.f_frsize);
    found.bytes = static_cast<double>(fs.f_blocks) * static_cast<double>(fs.f_frsize);
    return found;
  };
  out = co_await net::run_on(core->parts.blocking, std::move(job));
  co_return out;
}

net::TaskResult<Notes> check_gates(CorePtr core, pg::Connection* connection, Change change, bool reverse) {
  const auto& kind = kind_of(change.plan);
  const auto work = work_of(*core, change, reverse);
  SessionAsker asker(connection, kLook);
  Notes notes(change.evidence_before);
  auto missing = co_await kind.missing_rights(&asker, work);
  if (!missing) co_return fail(std::move(missing.error()));
  if (!missing->empty()) co_return fail(missing_right(*missing));
  if (!reverse) {
    auto print = co_await kind.fingerprint(&asker, work);
    if (!print) co_return fail(std::move(print.error()));
    const auto proposed = notes.text("fingerprint");
    // A drop that was interrupted may have taken the index already, a refresh have moved rows.
    const bool may_differ =
        work.ours && (change.plan.action == ActionClass::drop_index || change.plan.kind == ChangeKind::refresh ||
                      change.plan.kind == ChangeKind::maintenance);
    if (!proposed.empty() && proposed != *print && !may_differ)
      co_return fail(Errc::conflict, "the object is not what it was when the plan was made");
  }
  auto standing = co_await kind.probe(&asker, work);
  if (!standing) co_return fail(std::move(standing.error()));
  const bool compares_with_before =
      change.plan.kind == ChangeKind::refresh || change.plan.kind == ChangeKind::maintenance;
  if (auto may = may_begin(*standing, work); !may && !compares_with_before) co_return fail(std::move(may.error()));
  if (kind.regime(change.plan) == Regime::concurrent) {
    auto free = co_await no_other_build(&asker, change.plan);
    if (!free) co_return fail(std::move(free.error()));
    auto young = co_await no_old_snapshots(core, &asker);
    if (!young) co_return fail(std::move(young.error()));
    notes.set("oldest_snapshot_seconds", young->number(0, "age").value_or(0));
  }
  auto follow = co_await replicas_follow(core, &asker);
  if (!follow) co_return fail(std::move(follow.error()));
  notes.set("replica_lag_seconds", std::chrono::duration<double>(*follow).count());
  const double needed =
      core->options.disk_factor * static_cast<double>(std::max<std::int64_t>(0, change.plan.cost.bytes));
  auto disk = co_await free_disk(core, &asker, connection->is_local());
  if (!disk) co_return fail(std::move(disk.error()));
  if (disk->free_bytes) notes.set("disk_free_bytes", *disk->free_bytes);
  if (!disk->note.empty()) notes.set("disk", disk->note);
  if (disk->free_bytes && *disk->free_bytes < needed)
    co_return fail(
        Errc::resource_exhausted,
        "the disk has " + format_bytes(*disk->free_bytes) + " free and the change may need " + format_bytes(needed),
        true);
  co_return notes;
}

}  // namespace pgtend::change
