#include <algorithm>

#include "agent/base/log.hpp"
#include "agent/change/session.hpp"

namespace pgtend::change {
namespace {

constexpr Millis kBackoffBase{100};
constexpr Millis kBackoffCap{2'000};

bool is_lock_failure(const Error& error) { return error.sqlstate == "55P03" || error.sqlstate == "40P01"; }

net::TaskResult<RowSet> refuse_when_frozen(CorePtr core) {
  auto frozen = co_await frozen_by(core);
  if (!frozen) co_return fail(std::move(frozen.error()));
  if (!frozen->empty()) co_return fail(Errc::refused, "changes are frozen by " + *frozen, true);
  co_return RowSet();
}

net::TaskResult<RowSet> run_with_short_locks(CorePtr core, pg::Connection& connection, std::string sql) {
  const auto give_up = core->in(core->options.lock_budget);
  const pg::Params none;
  for (int attempt = 1;; ++attempt) {
    auto free = co_await refuse_when_frozen(core);
    if (!free) co_return free;
    const auto limit = core->in(core->options.statement_budget);
    auto done = co_await connection.query(sql, none, limit);
    if (done || !is_lock_failure(done.error())) co_return done;
    const auto ceiling = std::min(kBackoffCap, kBackoffBase * (1 << std::min(attempt, 5)));
    const auto next = core->in(core->jitter(ceiling));
    if (attempt >= core->options.lock_attempts || next >= give_up)
      co_return fail(Errc::timeout, "the lock was not granted in " + std::to_string(attempt) + " attempts", true);
    if (core->stopping) co_return fail(Errc::cancelled, "the agent stops", true);
    co_await net::sleep_until(next);
  }
}

// What the watcher and the statement tell each other.
struct Watch {
  explicit Watch(net::asio::any_io_executor executor) : nap(executor), joined(executor) {
    joined.expires_at(Deadline::max());
  }
  bool over = false;   // the statement returned
  bool ended = false;  // the watcher returned
  std::string cancelled_because;
  net::asio::steady_timer nap, joined;
};
using WatchPtr = std::shared_ptr<Watch>;

const std::string kLook =
    "SELECT coalesce(a.wait_event_type = 'Lock', false) AS waits, (pg_blocking_pids(a.pid))[1] AS blocker, p.command, p.phase, "
    "p.lockers_done, p.lockers_total, nullif(p.current_locker_pid, 0) AS current_locker_pid, p.blocks_done, p.blocks_total, "
    "p.tuples_done, p.tuples_total FROM pg_stat_activity a LEFT JOIN pg_stat_progress_create_index p ON p.pid = a.pid "
    "WHERE a.pid = $1::int";

std::optional<int> pid_of(const RowSet& rows, std::string_view column) {
  const auto value = rows.integer(0, column);
  return value ? std::optional<int>(static_cast<int>(*value)) : std::nullopt;
}

CreateIndexRow row_of(const RowSet& rows) {
  const auto number = [&](std::string_view column) { return rows.integer(0, column).value_or(0); };
  return {rows.text(0, "command"), rows.text(0, "phase"),  number("lockers_done"), number("lockers_total"),
          pid_of(rows, "current_locker_pid"), number("blocks_done"), number("blocks_total"), number("tuples_done"),
          number("tuples_total")};
}

// Notes what is seen; true when the statement only waits for others.
bool note_progress(Core& core, const std::string& id, const RowSet& rows, bool& seen_phase) {
  const bool waits = rows.boolean(0, "waits");
  std::optional<Progress> last;
  if (const auto it = core.progress.find(id); it != core.progress.end()) last = it->second;
  if (rows.get(0, "phase")) {
    if (!seen_phase) core.fault("applying.running");
    seen_phase = true;
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

// Looks at the running statement from another lane and cancels it when its wait budget is spent or the agent stops.
// `connection` outlives the watch, because the statement's coroutine joins it.
net::Task<void> watch(CorePtr core, WatchPtr shared, pg::Connection& connection, std::string database, std::string id) {
  LaneAsker asker(core->parts.lanes, database);
  const pg::Params params{std::to_string(connection.backend_pid())};
  Millis waited{0};
  bool seen_phase = false;
  auto last = core->parts.clock.steady_now();
  while (!shared->over) {
    shared->nap.expires_at(core->in(core->options.progress_interval));
    co_await shared->nap.async_wait(net::as_values);
    if (shared->over) break;
    auto rows = co_await asker.ask(kLook, params);
    if (shared->over) break;
    const auto now = core->parts.clock.steady_now();
    const bool waits = rows && rows->size() > 0 && note_progress(*core, id, *rows, seen_phase);
    if (waits) waited += std::chrono::duration_cast<Millis>(now - last);
    last = now;
    if (!shared->cancelled_because.empty()) continue;
    if (core->stopping) shared->cancelled_because = "the agent stops";
    if (waited > core->options.wait_budget) {
      const auto blocker = core->progress[id].waiting_for_pid;
      shared->cancelled_because = "the wait budget was spent waiting for other sessions" +
                                  (blocker ? " (pid " + std::to_string(*blocker) + ")" : std::string());
    }
    if (!shared->cancelled_because.empty()) co_await connection.cancel();
  }
}

net::TaskResult<RowSet> run_watched(CorePtr core, pg::Connection& connection, Change change, std::string sql) {
  auto free = co_await refuse_when_frozen(core);
  if (!free) co_return free;
  auto executor = co_await net::asio::this_coro::executor;
  auto shared = std::make_shared<Watch>(executor);
  auto on_end = [shared](std::exception_ptr) {
    shared->ended = true;
    shared->joined.cancel();
  };
  net::asio::co_spawn(executor, watch(core, shared, connection, acting_database(*core, change.plan), change.id), on_end);
  const pg::Params none;
  const auto limit = core->in(core->options.statement_budget);
  auto done = co_await connection.query(sql, none, limit);
  shared->over = true;
  shared->nap.cancel();
  while (!shared->ended) co_await shared->joined.async_wait(net::as_values);
  core->progress.erase(change.id);
  if (done || shared->cancelled_because.empty() || done.error().sqlstate != "57014") co_return done;
  const auto code = core->stopping ? Errc::cancelled : Errc::timeout;
  co_return fail(code, shared->cancelled_because, true);
}

}  // namespace

net::TaskResult<RowSet> run_statement(CorePtr core, pg::Connection& connection, Change change, std::string sql,
                                      Regime regime) {
  switch (regime) {
    case Regime::concurrent: return run_watched(core, connection, std::move(change), std::move(sql));
    case Regime::strong_lock:
    case Regime::plain: return run_with_short_locks(core, connection, std::move(sql));
  }
  return run_with_short_locks(core, connection, std::move(sql));
}

}  // namespace pgtend::change
