#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/change/core.hpp"
#include "agent/change/kinds/registry.hpp"
#include "agent/change/session.hpp"

// Inside agent/change: moves one change as far as it goes now. Made for one call of run(), owned by the pipeline.
namespace pgtend::change {

// What an act left is tried to be removed again after this: whoever was in the way may be gone.
inline constexpr Millis kCleanAgain{10'000};

class Driver {
 public:
  Driver(CorePtr core, Change change);

  // What its state asks for: begin, resume after a crash, observe, undo. Returns when it must wait for something.
  net::Task<void> run();

 private:
  // driver_apply.cpp
  net::Task<void> begin();
  net::Task<void> apply(pg::Connection* connection);
  net::Task<void> carry_out(pg::Connection* connection);
  net::TaskResult<RowSet> run_step(pg::Connection* connection, Step step, Work work);
  net::TaskResult<RowSet> execute(pg::Connection* connection, bool reverse);
  net::Task<void> settle(pg::Connection* connection);
  net::TaskResult<bool> settle_in(pg::Connection* connection, bool reverse, bool returned);
  net::TaskResult<bool> wait_for_effect(Work work);
  net::Task<void> applied(bool needs_restart);
  net::Task<void> abandon(pg::Connection* connection, Error error);
  net::TaskResult<RowSet> remove_leftover(pg::Connection* connection, Work work);
  net::Task<void> leave_leftover(Error error);
  net::Task<void> keep_half(Error error);
  net::Task<void> end_half(Asker* asker, Work work, std::string found);
  net::Task<void> settled();

  // driver_resume.cpp
  net::Task<void> resume();
  net::Task<void> resume_in(pg::Connection* connection);
  net::Task<void> go_on(pg::Connection* connection);
  net::Task<void> repeat_or_end(std::string found);
  net::Task<bool> runs_elsewhere();
  net::Task<void> watch_adopted(int pid);
  net::Task<void> check_again();
  net::Task<void> await_restart();

  // driver_undo.cpp
  net::Task<void> undo();
  net::Task<void> undo_in(pg::Connection* connection);

  // driver_observe.cpp
  net::Task<void> observe();
  net::Task<bool> is_lost();
  net::Task<bool> has_tripped();
  net::Task<void> keep_evidence(std::string text);
  net::Task<void> conclude(Verdict verdict, bool ends);

  // driver_spent.cpp
  // Notes what the act's cost is read against, to be stored with its intent.
  net::Task<void> read_meter(pg::Connection* connection);
  // Adds what was spent since then to the change, once; `watched`: its end was seen, so that the time is known too.
  net::Task<void> charge(pg::Connection* connection, bool watched);

  // driver.cpp
  // Stores the change in its new state; false when the ledger did not take it (somebody else moved it, or it is
  // broken): then nothing more is done.
  net::Task<bool> move_to(ChangeState to, std::string action, std::string result);
  // Deferred with a growing delay when trying again can help, failed otherwise.
  net::Task<void> give_up(Error error);
  // Nothing of this change is there any more: what is found under its name later is somebody else's.
  void forget_intent();
  // Waits in memory; nothing is recorded.
  void rest(const Error& error, Millis time);
  [[nodiscard]] const Kind& kind() const { return kind_of(change_.plan); }
  [[nodiscard]] bool restores_by_itself(const Error& error) const;

  CorePtr core_;
  Change change_;
};

}  // namespace pgtend::change
