#include "agent/change/looks.hpp"

#include <sys/statvfs.h>

#include "agent/base/units.hpp"

namespace pgtend::change {

net::TaskResult<double> no_old_snapshots(Asker* asker, int acting_pid, Millis limit) {
  const std::string sql =
      "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - CASE WHEN a.state = 'active' THEN "
      "  least(a.query_start, CASE WHEN a.backend_xmin IS NOT NULL THEN a.xact_start END) ELSE a.xact_start END)), 0) "
      "AS age, "
      "(array_agg(a.pid ORDER BY a.xact_start NULLS LAST))[1] AS pid "
      "FROM pg_catalog.pg_stat_activity a WHERE a.datname = current_database() AND a.pid NOT IN (pg_backend_pid(), "
      "$1::int) "
      "AND a.backend_type = 'client backend' AND (a.state = 'active' OR a.backend_xmin IS NOT NULL OR a.backend_xid IS "
      "NOT NULL)";
  const pg::Params params{std::to_string(acting_pid)};
  auto rows = co_await asker->ask(sql, params);
  if (!rows) co_return fail(std::move(rows.error()), "look for old snapshots");
  const double age = rows->number(0, "age").value_or(0);
  if (age * 1000 <= static_cast<double>(limit.count())) co_return age;
  co_return fail(Errc::unavailable,
                 "the build would wait for a transaction or statement of pid " + rows->text(0, "pid") + " that is " +
                     std::to_string(static_cast<int>(age)) + " s old",
                 true);
}

net::TaskResult<ReplicaLag> replica_lag(Asker* asker) {
  // Without the right to see it a standby has a pid and nothing else.
  const std::string sql =
      "SELECT coalesce(max(extract(epoch FROM r.replay_lag)), 0) AS lag, "
      "count(*) FILTER (WHERE r.state IS NULL) AS hidden, pg_catalog.quote_ident(current_user) AS me FROM "
      "pg_catalog.pg_stat_replication r";
  const pg::Params none;
  auto rows = co_await asker->ask(sql, none);
  if (!rows) co_return fail(std::move(rows.error()), "look at the replicas");
  ReplicaLag out;
  out.seconds = rows->number(0, "lag").value_or(0);
  if (rows->integer(0, "hidden").value_or(0) > 0)
    out.note = "not checked: GRANT pg_read_all_stats TO " + rows->text(0, "me");
  co_return out;
}

net::TaskResult<ReplicaLag> replicas_follow(Asker* asker, Millis limit) {
  auto lag = co_await replica_lag(asker);
  if (!lag || lag->seconds * 1000 <= static_cast<double>(limit.count())) co_return lag;
  co_return fail(Errc::unavailable, "a standby is " + std::to_string(static_cast<int>(lag->seconds)) + " s behind",
                 true);
}

net::TaskResult<Disk> free_disk(Asker* asker, net::asio::any_io_executor blocking, bool is_local) {
  Disk out;
  if (!is_local) {
    out.note = "not checked: the server is on another host";
    co_return out;
  }
  const std::string sql = "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'data_directory'";
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
  out = co_await net::run_on(std::move(blocking), std::move(job));
  co_return out;
}

Result<void> has_room(const Disk& disk, double needed_bytes) {
  if (!disk.free_bytes || *disk.free_bytes >= needed_bytes) return {};
  return fail(
      Errc::resource_exhausted,
      "the disk has " + format_bytes(*disk.free_bytes) + " free and the change may need " + format_bytes(needed_bytes),
      true);
}

}  // namespace pgtend::change
