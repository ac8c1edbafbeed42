#include "agent/base/log.hpp"
#include "agent/change/driver.hpp"
#include "agent/change/notes.hpp"
#include "agent/model/rows.hpp"

// After a crash: first look, then act.
namespace pgtend::change {
namespace {

constexpr Millis kLookLimit{120'000};

}  // namespace

// True while the backend that was acting still runs: it is adopted, which means watched.
net::Task<bool> Driver::runs_elsewhere() {
  if (!change_.backend_pid || !change_.backend_start) co_return false;
  const int pid = *change_.backend_pid;
  const auto start = *change_.backend_start;
  auto alive = co_await is_alive(core_, acting_database(*core_, change_.plan), pid, start);
  const bool runs = !alive || *alive;
  if (!runs) {
    core_->adopted_waits.erase(change_.id);
    co_return false;
  }
  if (!alive) {
    rest(alive.error(), core_->options.progress_interval);
    co_return true;
  }
  if (core_->told.insert(change_.id + "adopted").second)
    log::info("change adopted", {{"id", change_.id}, {"pid", std::to_string(pid)}});
  co_await watch_adopted(pid);
  core_->rest(change_.id, core_->options.progress_interval);
  co_return true;
}

// The same looks and the same wait budget as for a build of our own session.
net::Task<void> Driver::watch_adopted(int pid) {
  const auto database = acting_database(*core_, change_.plan);
  LaneAsker asker(core_->parts.lanes, database);
  const pg::Params params{std::to_string(pid)};
  auto rows = co_await asker.ask(running_query(), params);
  if (!rows || rows->size() == 0) co_return;
  const auto now = core_->parts.clock.steady_now();
  if (!note_progress(*core_, change_.id, *rows)) core_->adopted_waits[change_.id] = now;
  const auto since = core_->adopted_waits.try_emplace(change_.id, now).first->second;
  if (now - since < core_->options.wait_budget) co_return;
  log::warn("adopted change cancelled, its wait budget is spent", {{"id", change_.id}, {"pid", std::to_string(pid)}});
  const std::string marker = "chg/" + change_.id.substr(0, 8), sql = "SELECT pg_cancel_backend($1::int)";
  const Millis limit{5'000};
  auto cancelled = co_await core_->parts.lanes.query(pg::Lane::act, database, marker, sql, params, limit);
  if (!cancelled) log::warn("not cancelled", {{"id", change_.id}, {"error", cancelled.error().describe()}});
}

net::Task<void> Driver::resume() {
  if (change_.state == ChangeState::pre_validated) {
    co_await move_to(ChangeState::approved, "change.recover", "its facts are old");
    co_return;
  }
  auto runs = co_await runs_elsewhere();
  if (runs) co_return;
  auto lease = co_await open_session(core_, change_);
  if (!lease && lease.error().code == Errc::conflict) {
    change_.last_error = lease.error().describe();
    co_await move_to(ChangeState::lost, "change.recover", change_.last_error);
    co_return;
  }
  if (!lease) {
    rest(lease.error(), core_->options.poll_interval);
    co_return;
  }
  auto* const connection = &lease->connection();
  const Millis one_try{0};
  auto locked = co_await take_locks(core_, connection, change_, one_try);
  if (!locked) {
    // The lock is held by the session that executes: it still runs.
    rest(locked.error(), core_->options.progress_interval);
    co_return;
  }
  co_await resume_in(connection);
}

// The lock is ours, so nobody executes it any more.
net::Task<void> Driver::resume_in(pg::Connection* connection) {
  auto work = work_of(*core_, change_, false);
  work.ours = true;
  auto owner = co_await become_owner(core_, connection, change_, kind().regime(change_.plan));
  SessionAsker asker(connection, kLookLimit);
  auto standing = co_await kind().probe(&asker, work);
  if (!owner || !standing) {
    rest(owner ? standing.error() : owner.error(), core_->options.poll_interval);
    co_return;
  }
  const bool watched = false;
  co_await charge(connection, watched);
  log::info("change looked at after an interruption", {{"id", change_.id}, {"found", standing->detail}});
  if (standing->presence == Presence::foreign) {
    const Error error{Errc::conflict, standing->detail, {}, "", false};
    co_await give_up(error);
    co_return;
  }
  if (standing->presence == Presence::done) {
    co_await settle(connection);
    co_return;
  }
  const bool given_up = !Notes(change_.evidence_before).text("deferred_for").empty() ||
                        !Notes(change_.evidence_before).text("failed_for").empty();
  if (standing->presence == Presence::partial && kind().goes_on() && !given_up) {
    co_await go_on(connection);
    co_return;
  }
  if (standing->presence == Presence::partial) {
    auto cleaned = co_await remove_leftover(connection, work);
    if (!cleaned) {
      rest(cleaned.error(), std::min(core_->options.defer_for, kCleanAgain));
      co_return;
    }
  }
  co_await repeat_or_end(standing->detail);
}

// What is done of it stays, the rest follows: the same intent, in a new session.
net::Task<void> Driver::go_on(pg::Connection* connection) {
  if (core_->stopping) co_return;
  auto frozen = co_await frozen_by(core_);
  if (!frozen || !frozen->empty()) {
    rest(frozen ? Error{Errc::refused, "changes are frozen by " + *frozen, {}, "", true} : frozen.error(),
         core_->options.progress_interval);
    co_return;
  }
  auto self = co_await who_am_i(connection);
  if (!self) {
    rest(self.error(), core_->options.poll_interval);
    co_return;
  }
  co_await read_meter(connection);
  change_.backend_pid = self->pid;
  change_.backend_start = self->at;
  auto intended = co_await move_to(ChangeState::applying, "change.apply.intent", "gone on with after an interruption");
  if (!intended) co_return;
  co_await carry_out(connection);
}

// Nothing of it is there. After a crash it is begun again; what had given up before goes where it was going.
net::Task<void> Driver::repeat_or_end(std::string found) {
  const Notes notes(change_.evidence_before);
  const auto deferred_for = notes.text("deferred_for"), failed_for = notes.text("failed_for");
  if (!deferred_for.empty() || !failed_for.empty()) {
    const Error error{failed_for.empty() ? Errc::timeout : Errc::conflict, deferred_for + failed_for, {}, "", false};
    co_await give_up(error);
    co_return;
  }
  change_.backend_pid.reset();
  change_.backend_start.reset();
  change_.last_error = "interrupted: " + found;
  forget_intent();
  const bool spent = change_.attempt >= core_->options.max_attempts;
  const auto next = spent ? ChangeState::failed : ChangeState::approved;
  co_await move_to(next, "change.recover", change_.last_error);
}

// post_validated was recorded, what follows was not.
net::Task<void> Driver::check_again() {
  auto lease = co_await open_session(core_, change_);
  if (!lease) {
    rest(lease.error(), core_->options.poll_interval);
    co_return;
  }
  auto owner = co_await become_owner(core_, &lease->connection(), change_, kind().regime(change_.plan));
  if (!owner) {
    rest(owner.error(), core_->options.poll_interval);
    co_return;
  }
  auto needs_restart = co_await settle_in(&lease->connection(), false, true);
  if (!needs_restart && needs_restart.error().code == Errc::conflict) {
    change_.last_error = needs_restart.error().describe();
    co_await move_to(ChangeState::lost, "change.recover", change_.last_error);
    co_return;
  }
  if (!needs_restart) {
    rest(needs_restart.error(), core_->options.poll_interval);
    co_return;
  }
  co_await applied(*needs_restart);
}

net::Task<void> Driver::await_restart() {
  core_->rest(change_.id, core_->options.poll_interval * 5);
  LaneAsker asker(core_->parts.lanes, acting_database(*core_, change_.plan));
  const std::string sql = "SELECT pg_postmaster_start_time()::text AS started";
  const pg::Params none;
  auto rows = co_await asker.ask(sql, none);
  if (!rows) co_return;
  const auto work = work_of(*core_, change_, false);
  // Compared as text: the snapshot kept the server's own spelling.
  if (work.catalog.find(rows->text(0, "started")) != std::string::npos) co_return;
  // It has an effect only from here on.
  change_.applied_at = core_->parts.clock.now();
  co_await move_to(ChangeState::post_validated, "change.restart.seen", "ok");
}

}  // namespace pgtend::change
