#include "agent/change/session.hpp"

namespace pgtend::change {
namespace {

const std::string kRunning =
    "SELECT coalesce(a.wait_event_type = 'Lock', false) AS waits, (pg_blocking_pids(a.pid))[1] AS blocker, p.command, "
    "p.phase, "
    "p.lockers_done, p.lockers_total, nullif(p.current_locker_pid, 0) AS current_locker_pid, p.blocks_done, "
    "p.blocks_total, "
    "p.tuples_done, p.tuples_total FROM pg_stat_activity a LEFT JOIN pg_stat_progress_create_index p ON p.pid = a.pid "
    "WHERE a.pid = $1::int";

std::optional<int> pid_of(const RowSet& rows, std::string_view column) {
  const auto value = rows.integer(0, column);
  return value ? std::optional<int>(static_cast<int>(*value)) : std::nullopt;
}

CreateIndexRow row_of(const RowSet& rows) {
  const auto number = [&](std::string_view column) { return rows.integer(0, column).value_or(0); };
  return {rows.text(0, "command"),
          rows.text(0, "phase"),
          number("lockers_done"),
          number("lockers_total"),
          pid_of(rows, "current_locker_pid"),
          number("blocks_done"),
          number("blocks_total"),
          number("tuples_done"),
          number("tuples_total")};
}

}  // namespace

const std::string& running_query() {
  return kRunning;
}

bool note_progress(Core& core, const std::string& id, const RowSet& rows) {
  const bool waits = rows.boolean(0, "waits");
  std::optional<Progress> last;
  if (const auto it = core.progress.find(id); it != core.progress.end()) last = it->second;
  if (rows.get(0, "phase")) {
    core.fault("applying.running");
    core.progress[id] = next_progress(last, row_of(rows));
    return waits || is_waiting_phase(core.progress[id].phase);
  }
  // DROP INDEX CONCURRENTLY has no row there.
  Progress now;
  now.phase = waits ? "waiting for other sessions" : "running";
  now.ratio = last ? last->ratio : 0;
  now.waiting_for_pid = pid_of(rows, "blocker");
  core.progress[id] = now;
  return waits;
}

}  // namespace pgtend::change
