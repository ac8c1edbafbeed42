#include <algorithm>

#include "agent/base/log.hpp"
#include "agent/change/driver.hpp"
#include "agent/change/gates.hpp"
#include "agent/change/measure.hpp"
#include "agent/change/parts.hpp"
#include "agent/change/plans.hpp"
#include "agent/change/vitals.hpp"

namespace pgtend::change {
namespace {

constexpr Millis kReconnect{5'000};
constexpr Millis kCleanLimit{120'000};
constexpr Millis kCleanTry{3'000};
// A reload reaches every session within this. Source: planned-systems study, section 6.3.
constexpr Millis kEffectLimit{5'000};
constexpr Millis kEffectPoll{100};

// What says that nobody could look, which tells nothing about the change.
constexpr const char* kLookContext = "open a new session to verify";

// Trouble in opening a session that passes by itself is not worth a row in the ledger.
bool is_passing(const Error& error) {
  return error.code == Errc::unavailable || error.code == Errc::timeout || error.code == Errc::cancelled;
}

bool was_not_seen(const Error& error) {
  return std::find(error.context.begin(), error.context.end(), kLookContext) != error.context.end();
}

}  // namespace

net::Task<void> Driver::begin() {
  auto leave = co_await ask_policy(core_, change_);
  if (leave != Leave::go || core_->stopping) co_return;
  auto lease = co_await open_session(core_, change_);
  if (!lease && is_passing(lease.error())) {
    rest(lease.error(), kReconnect);
    co_return;
  }
  if (!lease) {
    co_await give_up(lease.error());
    co_return;
  }
  auto* const connection = &lease->connection();
  // What others do is shown to a role that may look. Where it may not be taken on, the gates name the GRANT.
  if (kind().looks_as_owner()) {
    auto owner = co_await become_owner(core_, connection, change_, kind().regime(change_.plan));
    if (!owner)
      log::info("gates are looked at as connected", {{"id", change_.id}, {"error", owner.error().describe()}});
  }
  auto notes = co_await check_gates(core_, connection, change_, false);
  if (!notes) {
    // Waiting for a gate is an attempt too: it must end some day.
    if (restores_by_itself(notes.error())) ++change_.attempt;
    co_await give_up(notes.error());
    co_return;
  }
  if (kind().is_measured(change_.plan)) {
    auto vitals = co_await read_vitals(core_, change_.plan, connection->is_local());
    if (vitals) notes->set_object("vitals", vitals_text(*vitals));
    auto sets = co_await choose_statements(core_, change_.plan);
    if (sets) {
      notes->set("targets", sets->targets);
      notes->set("writes", sets->writes);
      notes->set("controls", sets->controls);
      const auto plans = co_await capture_plans(core_, change_.plan, sets->targets);
      notes->set_object("plans", plans);
    } else {
      log::warn("no statements to judge by", {{"change", change_.id}, {"error", sets.error().describe()}});
    }
  }
  change_.evidence_before = notes->json();
  auto validated = co_await move_to(ChangeState::pre_validated, "change.validate", "ok");
  if (!validated) co_return;
  auto locked = co_await take_locks(core_, connection, change_, core_->options.advisory_wait);
  if (!locked) {
    co_await give_up(locked.error());
    co_return;
  }
  // Somebody may have acted while this one waited for the lock.
  leave = co_await ask_policy(core_, change_);
  if (leave == Leave::wait) {
    auto back = co_await move_to(ChangeState::approved, "change.validate", "policy asks to wait");
    if (back) core_->rest(change_.id, core_->options.poll_interval);
  }
  if (leave != Leave::go) co_return;
  auto still = co_await check_gates(core_, connection, change_, false);
  if (!still) {
    co_await give_up(still.error());
    co_return;
  }
  co_await apply(connection);
}

net::Task<void> Driver::apply(pg::Connection* connection) {
  SessionAsker asker(connection, kReconnect);
  const auto before = work_of(*core_, change_, false);
  auto catalog = co_await kind().snapshot(&asker, before);
  auto self = co_await who_am_i(connection);
  if (!catalog || !self) {
    const Error error = catalog ? self.error() : catalog.error();
    co_await give_up(error);
    co_return;
  }
  Notes notes(change_.evidence_before);
  notes.set_object("catalog", *catalog);
  notes.set("intent_at", core_->parts.clock.now());
  change_.evidence_before = notes.json();
  co_await read_meter(connection);
  change_.backend_pid = self->pid;
  change_.backend_start = self->at;
  change_.not_before.reset();
  change_.last_error.clear();
  ++change_.attempt;
  auto intended = co_await move_to(ChangeState::applying, "change.apply.intent", "ok");
  if (!intended) co_return;
  co_await carry_out(connection);
}

// From the recorded intent to the recorded result.
net::Task<void> Driver::carry_out(pg::Connection* connection) {
  auto done = co_await execute(connection, false);
  const bool watched = true;
  co_await charge(connection, watched);
  if (!done) {
    co_await abandon(connection, done.error());
    co_return;
  }
  core_->fault("applying.executed");
  co_await settle(connection);
}

// The statements are done: what the server shows of them decides. What nobody could look at is looked at again, and not
// taken back for it.
net::Task<void> Driver::settle(pg::Connection* connection) {
  auto needs_restart = co_await settle_in(connection, false, true);
  if (needs_restart)
    co_await applied(*needs_restart);
  else if (was_not_seen(needs_restart.error()))
    rest(needs_restart.error(), kReconnect);
  else
    co_await abandon(connection, needs_restart.error());
}

net::TaskResult<RowSet> Driver::run_step(pg::Connection* connection, Step step, Work work) {
  if (step.by_kind) return run_elsewhere(core_, &kind(), std::move(step), std::move(work));
  if (step.in_parts) return run_in_parts(core_, connection, change_, &kind(), std::move(step), std::move(work));
  return run_statement(core_, connection, change_, step.sql, step.regime);
}

net::TaskResult<RowSet> Driver::execute(pg::Connection* connection, bool reverse) {
  auto regime = kind().regime(change_.plan);
  auto owner = co_await become_owner(core_, connection, change_, regime);
  if (!owner) co_return owner;
  const auto work = work_of(*core_, change_, reverse);
  SessionAsker asker(connection, kCleanLimit);
  auto standing = co_await kind().probe(&asker, work);
  if (!standing) co_return fail(std::move(standing.error()));
  if (standing->presence == Presence::partial && !kind().goes_on()) {
    auto cleaned = co_await remove_leftover(connection, work);
    if (!cleaned) co_return cleaned;
  }
  auto steps = co_await kind().steps(&asker, work);
  if (!steps) co_return fail(std::move(steps.error()), "look for what is left to do");
  for (const auto& step : *steps) {
    if (step.regime != regime) owner = co_await become_owner(core_, connection, change_, step.regime);
    if (!owner) co_return owner;
    regime = step.regime;
    auto done = co_await run_step(connection, step, work);
    if (!done) co_return fail(std::move(done.error()), reverse ? "undo" : "apply");
    core_->fault(reverse ? "reverting.step" : "applying.step");
    // A step in parts has paused after its last one.
    if (step.pause == Millis(0) || step.in_parts) continue;
    if (core_->stopping) co_return fail(Errc::cancelled, "the agent stops", true);
    const auto next = core_->in(step.pause);
    co_await net::sleep_until(next);
  }
  co_return RowSet();
}

// What follows the statements: the kind's own finish, the catalogs, and a look from a new session.
net::TaskResult<bool> Driver::settle_in(pg::Connection* connection, bool reverse, bool returned) {
  auto work = work_of(*core_, change_, reverse);
  work.returned = returned;
  work.ours = true;
  SessionAsker asker(connection, kCleanLimit);
  auto finished = co_await kind().finish(&asker, work);
  if (!finished) co_return fail(std::move(finished.error()), "finish");
  auto standing = co_await kind().probe(&asker, work);
  if (!standing) co_return fail(std::move(standing.error()), "verify");
  if (standing->presence != Presence::done)
    co_return fail(Errc::conflict, "the catalogs do not show it: " + standing->detail);
  auto needs_restart = co_await wait_for_effect(work);
  co_return needs_restart;
}

net::TaskResult<bool> Driver::wait_for_effect(Work work) {
  if (!kind().needs_new_session(change_.plan)) co_return false;
  const auto give_up_at = core_->in(kEffectLimit);
  while (true) {
    // Not the advisors' lane, which they keep for minutes; and the operating role itself, because settings and files
    // are its to look at.
    auto lease = co_await core_->parts.lanes.lease(pg::Lane::signal, acting_database(*core_, change_.plan), give_up_at);
    if (!lease) co_return fail(std::move(lease.error()), kLookContext);
    SessionAsker fresh(&lease->connection(), kReconnect);
    auto seen = co_await kind().takes_effect(&fresh, work);
    if (seen || !seen.error().retryable) co_return seen;
    const auto next = core_->in(kEffectPoll);
    if (next >= give_up_at) co_return seen;
    co_await net::sleep_until(next);
  }
}

net::Task<void> Driver::applied(bool needs_restart) {
  // After a crash or a restart of the server the time is known already.
  if (change_.state == ChangeState::applying || !change_.applied_at) change_.applied_at = core_->parts.clock.now();
  change_.backend_pid.reset();
  change_.backend_start.reset();
  auto stored = co_await move_to(ChangeState::post_validated, "change.apply.result", "ok");
  if (!stored) co_return;
  if (needs_restart) {
    co_await move_to(ChangeState::needs_restart, "change.restart.await", "ok");
    co_return;
  }
  if (kind().is_measured(change_.plan)) {
    const auto& verify = core_->options.verify;
    change_.observe_until = *change_.applied_at + verify.warm_up + verify.after;
    co_await move_to(ChangeState::observing, "change.observe", "ok");
    co_return;
  }
  Verdict verdict;
  verdict.kind = VerdictKind::improved;
  verdict.test = "catalog";
  verdict.p_value = 0;
  verdict.explanation = kind().shown_by() + " that " + std::string(to_string(change_.plan.action)) + " of " +
                        change_.plan.object + " took place";
  change_.verdict = verdict;
  co_await move_to(ChangeState::kept, "change.keep", "ok");
}

// What blocks a build often blocks the removal of what it left, so that it is tried for a short time, again and again.
net::TaskResult<RowSet> Driver::remove_leftover(pg::Connection* connection, Work work) {
  SessionAsker asker(connection, kCleanTry);
  auto cleaned = co_await kind().clean(&asker, work);
  if (!cleaned) co_return fail(std::move(cleaned.error()), "remove the leftover");
  log::info("leftover removed", {{"change", change_.id}, {"object", change_.plan.object}});
  co_return cleaned;
}

// The change stays in `applying` until resume() has removed what is there; then it goes where the error sends it.
net::Task<void> Driver::leave_leftover(Error error) {
  change_.last_error = error.describe() + "; what it left is removed as soon as nobody is in the way";
  change_.backend_pid.reset();
  change_.backend_start.reset();
  Notes notes(change_.evidence_before);
  notes.set(restores_by_itself(error) ? "deferred_for" : "failed_for", error.describe());
  change_.evidence_before = notes.json();
  auto noted = co_await move_to(ChangeState::applying, "change.apply.result", change_.last_error);
  if (noted) core_->rest(change_.id, std::min(core_->options.defer_for, kCleanAgain));
}

// What is done of it stays, and resume() goes on with the rest.
net::Task<void> Driver::keep_half(Error error) {
  change_.last_error = error.describe() + "; what is done stays, the rest is tried again";
  change_.backend_pid.reset();
  change_.backend_start.reset();
  ++change_.attempt;
  auto noted = co_await move_to(ChangeState::applying, "change.apply.result", change_.last_error);
  if (noted) core_->rest(change_.id, core_->options.defer_for);
}

// It ends with what is done, which is told and which undo takes back.
net::Task<void> Driver::end_half(Asker* asker, Work work, std::string found) {
  auto finished = co_await kind().finish(asker, work);
  if (!finished)
    log::warn("not marked as this change's", {{"change", change_.id}, {"error", finished.error().describe()}});
  change_.last_error = found + "; it ends with what is done (pgtend changes undo takes that back)";
  change_.backend_pid.reset();
  change_.backend_start.reset();
  co_await move_to(ChangeState::failed, "change.apply.result", change_.last_error);
}

// The statement failed: it is looked at what is there, and what is ours and half done is removed.
net::Task<void> Driver::abandon(pg::Connection* connection, Error error) {
  // Nobody knows what still runs: the change stays in `applying` and is looked at as after a crash.
  if (!connection->healthy()) {
    rest(error, core_->options.poll_interval);
    co_return;
  }
  auto work = work_of(*core_, change_, false);
  work.ours = true;
  SessionAsker asker(connection, kCleanLimit);
  auto standing = co_await kind().probe(&asker, work);
  if (!standing) {
    rest(standing.error(), core_->options.poll_interval);
    co_return;
  }
  const bool half = standing->presence == Presence::partial;
  if (half && kind().keeps_half()) {
    const bool again = restores_by_itself(error) && change_.attempt < core_->options.max_attempts;
    if (again)
      co_await keep_half(std::move(error));
    else
      co_await end_half(&asker, std::move(work), error.describe() + "; " + standing->detail);
    co_return;
  }
  if (half) {
    auto cleaned = co_await remove_leftover(connection, work);
    if (!cleaned) {
      co_await leave_leftover(std::move(error));
      co_return;
    }
  }
  const bool in_force = standing->presence == Presence::done && change_.plan.kind == ChangeKind::setting;
  if (in_force) {
    // Stored but without effect, or an effect that could not be seen: it goes back to what it was.
    auto undone = co_await execute(connection, true);
    if (undone) {
      work.reverse = true;
      auto finished = co_await kind().finish(&asker, work);
      if (!finished) log::warn("not reloaded", {{"change", change_.id}, {"error", finished.error().describe()}});
    } else {
      error.message += "; and it could not be taken back: " + undone.error().describe();
    }
  } else if (standing->presence == Presence::done && kind().needs_way_back()) {
    // Cancelled in the very moment in which it finished.
    auto settled_well = co_await settle_in(connection, false, true);
    if (settled_well) {
      co_await applied(*settled_well);
      co_return;
    }
  }
  co_await give_up(std::move(error));
}

}  // namespace pgtend::change
