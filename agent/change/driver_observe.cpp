#include "agent/base/log.hpp"
#include "agent/change/driver.hpp"
#include "agent/change/measure.hpp"
#include "agent/change/notes.hpp"
#include "agent/change/plans.hpp"
#include "agent/change/vitals.hpp"
#include "agent/store/proof_rows.hpp"

namespace pgtend::change {
namespace {

std::string describe(const Verdict& verdict) {
  return std::string(to_string(verdict.kind)) + ": " + verdict.explanation;
}

// Reading what was measured takes longer the longer it is observed: each look waits for that share of the time so far.
constexpr int kLooks = 60;

bool must_help(const Change& change, const VerifyOptions& options) {
  return change.plan.action == ActionClass::create_index && options.undo_no_effect;
}

}  // namespace

// The ledger says applied, the database (restored, failed over, or changed by a person) says no.
net::Task<bool> Driver::is_lost() {
  const auto& identity = core_->parts.lanes.identity();
  const auto& wanted = change_.plan.system_identifier;
  const bool another = !wanted.empty() && !identity.system_identifier.empty() && wanted != identity.system_identifier;
  auto work = work_of(*core_, change_, false);
  work.ours = true;
  work.returned = true;
  std::string why = another ? "this is another server" : "";
  if (!another) {
    LaneAsker asker(core_->parts.lanes, acting_database(*core_, change_.plan));
    auto standing = co_await kind().probe(&asker, work);
    // What cannot be read now is not lost.
    if (!standing || standing->presence == Presence::done) co_return false;
    why = standing->detail;
  }
  change_.last_error = "it is not there any more: " + why;
  co_await move_to(ChangeState::lost, "change.observe", change_.last_error);
  co_return true;
}

// Trouble that was not there before the change, and is there at two looks in a row: nobody waits for statistics then.
net::Task<bool> Driver::has_tripped() {
  const Notes notes(change_.evidence_before);
  const bool is_local = notes.text("disk").empty();
  auto now = co_await read_vitals(core_, change_.plan, is_local);
  if (!now) co_return false;
  const auto trip = hard_trip(parse_vitals(notes.object("vitals")), *now, core_->options.verify);
  if (trip.empty()) {
    core_->tripped.erase(change_.id);
    co_return false;
  }
  if (core_->tripped.insert_or_assign(change_.id, trip).second) co_return false;
  core_->tripped.erase(change_.id);
  Verdict verdict;
  verdict.kind = VerdictKind::regressed;
  verdict.test = "hard trip";
  verdict.explanation = "the server is in trouble: " + trip;
  Notes after(change_.evidence_after);
  after.set_object("vitals", vitals_text(*now));
  change_.evidence_after = after.json();
  co_await conclude(verdict, true);
  co_return true;
}

net::Task<void> Driver::observe() {
  const auto options = core_->options.verify;
  core_->rest(change_.id, std::max<Millis>(core_->options.poll_interval, options.window));
  auto lost = co_await is_lost();
  if (lost) co_return;
  auto tripped = co_await has_tripped();
  if (tripped) co_return;
  if (const auto due = core_->measured.find(change_.id);
      due != core_->measured.end() && core_->parts.clock.steady_now() < due->second)
    co_return;
  const Notes notes(change_.evidence_before);
  StatementSets sets{notes.ids("targets"), notes.ids("writes"), notes.ids("controls")};
  const UtcTime applied_at = change_.applied_at.value_or(change_.updated_at);
  const UtcTime intent = notes.time("intent_at").value_or(applied_at);
  const Observed observed{intent, applied_at, must_help(change_, options)};
  auto measured = co_await measure(core_, change_.plan.database, sets, observed);
  const auto elapsed = std::chrono::duration_cast<Millis>(core_->parts.clock.now() - applied_at);
  core_->measured[change_.id] = core_->in(elapsed / kLooks);
  if (!measured) {
    log::warn("not measured", {{"change", change_.id}, {"error", measured.error().describe()}});
    co_return;
  }
  Notes with_before = notes;
  with_before.set_object("statements", measured->before_json);
  change_.evidence_before = with_before.json();
  change_.evidence_after = measured->after_json;
  if (measured->ends) {
    const auto plans = co_await capture_plans(core_, change_.plan, sets.targets);
    Notes after(change_.evidence_after);
    after.set_object("plans", plans);
    change_.evidence_after = after.json();
    co_await keep_evidence(measured->evidence);
  }
  if (!measured->ends && change_.observe_until && core_->parts.clock.now() > *change_.observe_until)
    change_.observe_until = applied_at + options.max_observe;
  co_await conclude(measured->verdict, measured->ends);
}

// The ledger's row of the change vouches for it by its hash, and the audit for the row.
net::Task<void> Driver::keep_evidence(std::string text) {
  auto job = [id = change_.id, text](store::Ledger& ledger) { return ledger.put_evidence(id, text); };
  auto kept = co_await with_ledger(core_, std::move(job));
  if (!kept) {
    // The verdict holds without; only nobody else can recompute it.
    log::warn("evidence not kept", {{"change", change_.id}, {"error", kept.error().describe()}});
    co_return;
  }
  Notes after(change_.evidence_after);
  after.set("sha256", store::sha256_of(text));
  change_.evidence_after = after.json();
}

net::Task<void> Driver::conclude(Verdict verdict, bool ends) {
  const auto& options = core_->options.verify;
  const bool has_way_back = !change_.plan.sql_down.empty();
  const bool useless = verdict.kind == VerdictKind::no_effect && must_help(change_, options);
  const auto last = change_.verdict ? change_.verdict->kind : VerdictKind::insufficient;
  change_.verdict = verdict;
  const bool harmful = verdict.kind == VerdictKind::regressed;
  if (!ends) {
    // Only a change of mind is worth a row.
    if (verdict.kind != last) co_await move_to(ChangeState::observing, "change.observe", describe(verdict));
    co_return;
  }
  core_->measured.erase(change_.id);
  if ((harmful || useless) && has_way_back) {
    change_.backend_pid.reset();
    change_.backend_start.reset();
    auto reverting = co_await move_to(ChangeState::reverting, "change.verdict", describe(verdict));
    if (reverting) core_->resting.erase(change_.id);
    co_return;
  }
  if (harmful) change_.last_error = "it made things worse and has no way back";
  if (verdict.kind == VerdictKind::insufficient) change_.last_error = "kept without a verdict: " + verdict.explanation;
  co_await move_to(ChangeState::kept, "change.verdict", describe(verdict));
}

}  // namespace pgtend::change
