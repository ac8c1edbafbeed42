#include "agent/change/gates.hpp"

#include <algorithm>

#include "agent/base/strings.hpp"
#include "agent/change/looks.hpp"

namespace pgtend::change {
namespace {

constexpr Millis kLook{5'000};

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
    const bool may_differ = work.ours && (change.plan.action == ActionClass::drop_index || is_repeatable(change.plan));
    if (!proposed.empty() && proposed != *print && !may_differ)
      co_return fail(Errc::conflict, "the object is not what it was when the plan was made");
  }
  auto standing = co_await kind.probe(&asker, work);
  if (!standing) co_return fail(std::move(standing.error()));
  if (auto may = may_begin(*standing, work); !may && !is_repeatable(change.plan))
    co_return fail(std::move(may.error()));
  // The acting role inherits nothing, so it does not see what others do; the monitor's lane does.
  LaneAsker watcher(core->parts.lanes, acting_database(*core, change.plan));
  if (kind.regime(change.plan) == Regime::concurrent) {
    auto free = co_await no_other_build(&watcher, change.plan);
    if (!free) co_return fail(std::move(free.error()));
    auto age = co_await no_old_snapshots(&watcher, connection->backend_pid(), core->options.max_xact_age);
    if (!age) co_return fail(std::move(age.error()));
    notes.set("oldest_snapshot_seconds", *age);
  }
  auto lag = co_await replicas_follow(&watcher, core->options.max_replica_lag);
  if (!lag) co_return fail(std::move(lag.error()));
  notes.set("replica_lag_seconds", lag->seconds);
  if (!lag->note.empty()) notes.set("replica_lag", lag->note);
  const double needed =
      core->options.disk_factor * static_cast<double>(std::max<std::int64_t>(0, change.plan.cost.bytes));
  auto disk = co_await free_disk(&watcher, core->parts.blocking, connection->is_local());
  if (!disk) co_return fail(std::move(disk.error()));
  if (disk->free_bytes) notes.set("disk_free_bytes", *disk->free_bytes);
  if (!disk->note.empty()) notes.set("disk", disk->note);
  if (auto room = has_room(*disk, needed); !room) co_return fail(std::move(room.error()));
  co_return notes;
}

}  // namespace pgtend::change
