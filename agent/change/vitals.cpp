#include "agent/change/vitals.hpp"

#include "agent/change/looks.hpp"

namespace pgtend::change {

net::TaskResult<Vitals> read_vitals(CorePtr core, ProposedChange plan, bool is_local) {
  LaneAsker asker(core->parts.lanes, acting_database(*core, plan));
  const std::string sql =
      "SELECT d.xact_commit AS commits, d.xact_rollback AS rollbacks, (SELECT count(*) FROM pg_stat_activity a "
      "WHERE a.datid = d.datid AND a.wait_event_type = 'Lock') AS waiters "
      "FROM pg_stat_database d WHERE d.datname = current_database()";
  const pg::Params none;
  auto rows = co_await asker.ask(sql, none);
  if (!rows) co_return fail(std::move(rows.error()), "look for trouble");
  auto lag = co_await replica_lag(&asker);
  if (!lag) co_return fail(std::move(lag.error()));
  auto disk = co_await free_disk(&asker, core->parts.blocking, is_local);
  if (!disk) co_return fail(std::move(disk.error()));
  Vitals out;
  if (rows->size() > 0) {
    out.commits = rows->number(0, "commits");
    out.rollbacks = rows->number(0, "rollbacks");
    out.lock_waiters = rows->number(0, "waiters");
  }
  out.replica_lag_seconds = lag->seconds;
  if (disk->free_bytes && disk->bytes > 0) out.disk_free = *disk->free_bytes / disk->bytes;
  co_return out;
}

}  // namespace pgtend::change
