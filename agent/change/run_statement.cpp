#include <algorithm>

#include "agent/base/log.hpp"
#include "agent/change/locks.hpp"
#include "agent/change/session.hpp"

namespace pgtend::change {
namespace {

constexpr Millis kFirstLook{40};
// The server's own limit comes first; this side's is for a server that does not answer.
constexpr Millis kGrace{5'000};

net::TaskResult<RowSet> refuse_when_frozen(CorePtr core) {
  auto frozen = co_await frozen_by(core);
  if (!frozen) co_return fail(std::move(frozen.error()));
  if (!frozen->empty()) co_return fail(Errc::refused, "changes are frozen by " + *frozen, true);
  co_return RowSet();
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

// Looks at the running statement from another lane and cancels it when its wait budget is spent or the agent stops.
// `connection` outlives the watch, because the statement's coroutine joins it.
net::Task<void> watch(CorePtr core, WatchPtr shared, pg::Connection* connection, std::string database, std::string id) {
  LaneAsker asker(core->parts.lanes, database);
  const pg::Params params{std::to_string(connection->backend_pid())};
  Millis waited{0};
  auto last = core->parts.clock.steady_now();
  // Looks soon at first, so that a short build shows its progress too.
  auto nap = std::min(kFirstLook, core->options.progress_interval);
  while (!shared->over) {
    shared->nap.expires_at(core->in(nap));
    nap = std::min(nap * 2, core->options.progress_interval);
    co_await shared->nap.async_wait(net::as_values);
    if (shared->over) break;
    auto rows = co_await asker.ask(running_query(), params);
    if (shared->over) break;
    const auto now = core->parts.clock.steady_now();
    const bool waits = rows && rows->size() > 0 && note_progress(*core, id, *rows);
    if (waits) waited += std::chrono::duration_cast<Millis>(now - last);
    last = now;
    if (!shared->cancelled_because.empty()) continue;
    if (core->stopping) shared->cancelled_because = "the agent stops";
    if (waited > core->options.wait_budget) {
      const auto blocker = core->progress[id].waiting_for_pid;
      shared->cancelled_because = "the wait budget was spent waiting for other sessions" +
                                  (blocker ? " (pid " + std::to_string(*blocker) + ")" : std::string());
    }
    if (!shared->cancelled_because.empty()) co_await connection->cancel();
  }
}

net::TaskResult<RowSet> run_watched(CorePtr core, pg::Connection* connection, Change change, std::string sql) {
  auto free = co_await refuse_when_frozen(core);
  if (!free) co_return free;
  auto executor = co_await net::asio::this_coro::executor;
  auto shared = std::make_shared<Watch>(executor);
  auto on_end = [shared](std::exception_ptr) {
    shared->ended = true;
    shared->joined.cancel();
  };
  net::asio::co_spawn(executor, watch(core, shared, connection, acting_database(*core, change.plan), change.id),
                      on_end);
  const pg::Params none;
  const auto limit = statement_limit(core->options, change.plan);
  const auto spent_at = core->in(limit.time), deadline = core->in(limit.time + kGrace);
  auto done = co_await connection->query(sql, none, deadline);
  const bool spent = !done && done.error().code == Errc::timeout && core->parts.clock.steady_now() >= spent_at;
  shared->over = true;
  shared->nap.cancel();
  while (!shared->ended) co_await shared->joined.async_wait(net::as_values);
  // Nobody is in the way of what does not run.
  if (const auto it = core->progress.find(change.id); it != core->progress.end()) it->second.waiting_for_pid.reset();
  if (done) co_return done;
  if (spent && shared->cancelled_because.empty() && !is_lock_failure(done.error()))
    co_return fail(Errc::refused, "it ran for longer than " + format_duration(limit.time) + ", which is what " +
                                      limit.key + " allows one statement");
  if (shared->cancelled_because.empty() || done.error().sqlstate != "57014") co_return done;
  const auto code = core->stopping ? Errc::cancelled : Errc::timeout;
  co_return fail(code, shared->cancelled_because, true);
}

net::TaskResult<RowSet> run_with_short_locks(CorePtr core, pg::Connection* connection, Change change, std::string sql) {
  const auto give_up = core->in(core->options.lock_budget);
  for (int attempt = 1;; ++attempt) {
    auto done = co_await run_watched(core, connection, change, sql);
    if (done || !is_lock_failure(done.error())) co_return done;
    const auto next = core->in(core->jitter(longest_lock_rest(attempt)));
    if (attempt >= core->options.lock_attempts || next >= give_up)
      co_return fail(Errc::timeout, "the lock was not granted in " + std::to_string(attempt) + " attempts", true);
    if (core->stopping) co_return fail(Errc::cancelled, "the agent stops", true);
    co_await net::sleep_until(next);
  }
}

}  // namespace

net::TaskResult<RowSet> run_statement(CorePtr core, pg::Connection* connection, Change change, std::string sql,
                                      Regime regime) {
  if (regime == Regime::strong_lock) return run_with_short_locks(core, connection, std::move(change), std::move(sql));
  return run_watched(core, connection, std::move(change), std::move(sql));
}

net::TaskResult<RowSet> run_elsewhere(CorePtr core, const Kind* kind, Step step, Work work) {
  auto free = co_await refuse_when_frozen(core);
  if (!free) co_return free;
  auto done = co_await kind->carry_out(step, work);
  co_return done;
}

}  // namespace pgtend::change
