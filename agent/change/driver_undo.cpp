#include "agent/base/log.hpp"
#include "agent/change/driver.hpp"
#include "agent/change/gates.hpp"

// sql_down through the same gates; never proposes anything anew.
namespace pgtend::change {
namespace {

constexpr Millis kCleanLimit{120'000};

}  // namespace

net::Task<void> Driver::undo() {
  core_->measured.erase(change_.id);
  // An undo that a person or a verdict asked for waits while frozen; it is not forgotten.
  auto frozen = co_await frozen_by(core_);
  if (!frozen || !frozen->empty()) {
    rest(frozen ? Error{Errc::refused, "changes are frozen by " + *frozen, {}, "", true} : frozen.error(),
         core_->options.progress_interval);
    co_return;
  }
  auto runs = co_await runs_elsewhere();
  if (runs || core_->stopping) co_return;
  auto lease = co_await open_session(core_, change_);
  if (!lease && lease.error().code == Errc::conflict) {
    change_.last_error = lease.error().describe();
    co_await move_to(ChangeState::lost, "change.revert.result", change_.last_error);
    co_return;
  }
  if (!lease) {
    rest(lease.error(), core_->options.defer_for);
    co_return;
  }
  const Millis patience = change_.backend_pid ? Millis(0) : core_->options.advisory_wait;
  auto locked = co_await take_locks(core_, &lease->connection(), change_, patience);
  if (!locked) {
    rest(locked.error(), core_->options.progress_interval);
    co_return;
  }
  co_await undo_in(&lease->connection());
}

net::Task<void> Driver::undo_in(pg::Connection* connection) {
  auto work = work_of(*core_, change_, true);
  work.ours = true;
  SessionAsker asker(connection, kCleanLimit);
  auto standing = co_await kind().probe(&asker, work);
  if (!standing) {
    rest(standing.error(), core_->options.defer_for);
    co_return;
  }
  if (standing->presence == Presence::foreign) {
    change_.last_error = "not undone, somebody changed it since: " + standing->detail;
    co_await move_to(ChangeState::failed, "change.revert.result", change_.last_error);
    co_return;
  }
  if (standing->presence != Presence::done) {
    auto gates = co_await check_gates(core_, connection, change_, true);
    if (!gates && restores_by_itself(gates.error())) {
      rest(gates.error(), core_->options.defer_for);
      co_return;
    }
    if (!gates) {
      change_.last_error = gates.error().describe();
      co_await move_to(ChangeState::failed, "change.revert.result", change_.last_error);
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
    auto intended = co_await move_to(ChangeState::reverting, "change.revert.intent", "ok");
    if (!intended) co_return;
    auto done = co_await execute(connection, true);
    const bool watched = true;
    co_await charge(connection, watched);
    if (!done) {
      const bool again = restores_by_itself(done.error()) || !connection->healthy();
      if (again) rest(done.error(), core_->stopping ? core_->options.poll_interval : core_->options.defer_for);
      change_.last_error = done.error().describe();
      if (!again) co_await move_to(ChangeState::failed, "change.revert.result", change_.last_error);
      co_return;
    }
    core_->fault("reverting.executed");
  } else {
    auto owner = co_await become_owner(core_, connection, change_, kind().regime(change_.plan));
    if (!owner) {
      rest(owner.error(), core_->options.poll_interval);
      co_return;
    }
  }
  auto settled_well = co_await settle_in(connection, true, true);
  if (!settled_well) {
    rest(settled_well.error(), core_->options.defer_for);
    co_return;
  }
  change_.backend_pid.reset();
  change_.backend_start.reset();
  co_await move_to(ChangeState::reverted, "change.revert.result", "ok");
}

}  // namespace pgtend::change
