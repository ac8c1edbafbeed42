#include "agent/change/entrance.hpp"

#include <cmath>
#include <cstdio>

#include "agent/base/log.hpp"
#include "agent/change/kinds/registry.hpp"
#include "agent/change/notes.hpp"
#include "agent/change/plan_hash.hpp"

namespace pgtend::change {
namespace {

constexpr std::size_t kRecent = 500;
// A change that failed is not begun again by the next run of the advisor.
constexpr Millis kAfterFailure{3'600'000};

bool same_intent(const ProposedChange& a, const ProposedChange& b) {
  return a.database == b.database && a.object == b.object && a.action == b.action && a.sql_up == b.sql_up;
}

// The open change with this intent; or a proposed one of the same recommendation that a newer plan replaces.
struct Known {
  std::optional<Change> same, older;
  bool failed_lately = false;
};

net::TaskResult<Known> look_for(CorePtr core, Change wanted) {
  const UtcTime now = core->parts.clock.now();
  auto job = [wanted, now](store::Ledger& ledger) -> Result<Known> {
    auto all = ledger.list_changes({}, kRecent);
    if (!all) return fail(std::move(all.error()));
    Known out;
    for (auto& each : *all) {
      const bool same = same_intent(each.plan, wanted.plan);
      const bool open = !is_final(each.state);
      if (open && same && !out.same) out.same = each;
      const bool named = !wanted.recommendation_id.empty() && each.recommendation_id == wanted.recommendation_id;
      if (each.state == ChangeState::proposed && named && !same && !out.older) out.older = each;
      if (each.state == ChangeState::failed && same && now - each.updated_at < kAfterFailure) out.failed_lately = true;
    }
    return out;
  };
  auto known = co_await with_ledger(core, job);
  co_return known;
}

// What the object is now; the gates compare with it when the change begins.
net::TaskResult<std::string> fingerprint_now(CorePtr core, Change change) {
  LaneAsker asker(core->parts.lanes, acting_database(*core, change.plan));
  const auto work = work_of(*core, change, false);
  auto print = co_await kind_of(change.plan).fingerprint(&asker, work);
  // The monitoring role may lack a right that the acting one has; the gates look again with that one.
  if (!print && print.error().code == Errc::permission) co_return std::string();
  co_return print;
}

net::TaskResult<Change> insert(CorePtr core, Change change, std::string actor) {
  auto print = co_await fingerprint_now(core, change);
  if (!print) co_return fail(std::move(print.error()));
  Notes notes(change.evidence_before);
  if (!print->empty()) notes.set("fingerprint", *print);
  const UtcTime now = core->parts.clock.now();
  if (change.state == ChangeState::approved) notes.set("approved_at", now);
  change.evidence_before = notes.json();
  change.id = new_id();
  change.plan_hash = plan_hash(change.plan);
  change.created_at = change.updated_at = now;
  change.expires_at = now + core->options.approval_ttl;
  store::AuditDraft draft{std::move(actor), "change.propose", change.id, "", std::string(to_string(change.state)),
                          change.plan_hash};
  const auto step = ">" + std::string(to_string(change.state));
  core->fault("before " + step);
  auto job = [change, draft](store::Ledger& ledger) { return ledger.insert_change(change, draft); };
  auto stored = co_await with_ledger(core, job);
  if (!stored) co_return fail(std::move(stored.error()), "record the change");
  log::info("change", {{"id", change.id},
                       {"action", "change.propose"},
                       {"state", std::string(to_string(change.state))},
                       {"object", change.plan.object}});
  core->fault("after " + step);
  co_return change;
}

net::TaskResult<Change> find(CorePtr core, std::string id) {
  auto job = [id](store::Ledger& ledger) { return ledger.get_change(id); };
  auto change = co_await with_ledger(core, job);
  co_return change;
}

// What was promised, to be held against what came of it: the record of its class is made of that.
Notes promise_of(const Recommendation& recommendation) {
  const auto& effect = recommendation.effect;
  Notes out;
  out.set("risk", std::string(to_string(recommendation.risk)));
  out.set("predicted_metric", effect.metric);
  if (effect.before > 0 && std::isfinite(effect.after)) out.set("predicted_effect", effect.after / effect.before - 1);
  return out;
}

tl::unexpected<Error> wrong_state(const Change& change, std::string_view wanted) {
  return fail(Errc::conflict,
              "change " + change.id + " is " + std::string(to_string(change.state)) + ", not " + std::string(wanted));
}

// The statements are what the detail says, and the object is what policy must look at: nothing in a plan may say one
// thing to policy and to the person who approves, and do another.
Result<void> check_plan(const ProposedChange& plan) {
  const auto& kind = kind_of(plan);
  if (auto fits = kind.validate(plan); !fits) return fits;
  const auto object = kind.object_of(plan);
  if (plan.object == object) return {};
  return fail(Errc::invalid_argument,
              "the plan says that its object is \"" + plan.object + "\", and what it changes is \"" + object + "\"");
}

Result<void> check_way_back(const ProposedChange& plan) {
  if (!plan.sql_down.empty() || !kind_of(plan).needs_way_back()) return {};
  return fail(Errc::refused, "the plan has no way back, and pgtend makes no such change without one");
}

}  // namespace

std::string new_id() {
  // Not from the seeded generator: an id must be new also after a restart and on another host.
  std::random_device random;
  const auto draw = [&] { return static_cast<std::uint64_t>(random()) << 32 | random(); };
  std::uint64_t high = draw(), low = draw();
  high = (high & ~0xF000ULL) | 0x4000ULL;
  low = (low & ~(3ULL << 62)) | (2ULL << 62);
  char text[37];
  std::snprintf(text, sizeof text, "%08x-%04x-%04x-%04x-%012llx", static_cast<unsigned>(high >> 32),
                static_cast<unsigned>(high >> 16 & 0xFFFF), static_cast<unsigned>(high & 0xFFFF),
                static_cast<unsigned>(low >> 48), static_cast<unsigned long long>(low & 0xFFFFFFFFFFFFULL));
  return text;
}

net::TaskResult<Change> enter(CorePtr core, Recommendation recommendation, Decision decision) {
  if (decision.kind != DecisionKind::automatic && decision.kind != DecisionKind::needs_approval)
    co_return fail(Errc::refused, "policy only recommends it: " + decision.reason);
  if (auto fits = check_plan(recommendation.change); !fits) co_return fail(std::move(fits.error()));
  if (auto back = check_way_back(recommendation.change); !back) co_return fail(std::move(back.error()));
  Change change;
  change.recommendation_id = recommendation.id;
  // Taken as it is: the hash that a person saw is the hash of these very parts.
  change.plan = recommendation.change;
  change.decision = decision;
  change.proposed_by = recommendation.advisor;
  const bool automatic = decision.kind == DecisionKind::automatic;
  change.state = automatic ? ChangeState::approved : ChangeState::proposed;
  if (automatic) change.approved_by = "policy";
  change.not_before = decision.not_before;
  change.evidence_before = promise_of(recommendation).json();
  auto known = co_await look_for(core, change);
  if (!known) co_return fail(std::move(known.error()));
  if (known->same) co_return *known->same;
  if (known->failed_lately && automatic)
    co_return fail(Errc::conflict, "the same change failed within the last hour", true);
  if (known->older) {
    auto older = *known->older;
    const auto from = older.state;
    older.state = ChangeState::expired;
    older.last_error = "a newer plan replaces it";
    const std::string action = "change.expire", result = "superseded", actor;
    auto expired = co_await move(core, older, from, action, result, actor);
    if (!expired) co_return expired;
  }
  const auto actor = core->parts.actor;
  auto inserted = co_await insert(core, change, actor);
  co_return inserted;
}

net::TaskResult<ProposedChange> complete_plan(CorePtr core, ProposedChange plan) {
  const auto& kind = kind_of(plan);
  kind.compose(plan);
  if (auto fits = kind.validate(plan); !fits) co_return fail(std::move(fits.error()));
  if (plan.object.empty()) plan.object = kind.object_of(plan);
  LaneAsker asker(core->parts.lanes, acting_database(*core, plan));
  Change change;
  change.plan = std::move(plan);
  const auto work = work_of(*core, change, false);
  auto complete = co_await kind.complete(&asker, work);
  if (!complete) co_return fail(std::move(complete.error()));
  if (auto fits = check_plan(*complete); !fits) co_return fail(std::move(fits.error()));
  if (auto back = check_way_back(*complete); !back) co_return fail(std::move(back.error()));
  co_return complete;
}

net::TaskResult<Change> enter_plan(CorePtr core, ProposedChange plan, std::string actor) {
  auto complete = co_await complete_plan(core, std::move(plan));
  if (!complete) co_return fail(std::move(complete.error()));
  Change change;
  change.plan = std::move(*complete);
  change.proposed_by = actor;
  change.decision = {DecisionKind::needs_approval, "person", "proposed by " + actor, std::nullopt};
  change.state = ChangeState::proposed;
  // Nobody is asked to approve what policy would not let happen then.
  Change approved = change;
  Notes notes;
  notes.set("approved_at", core->parts.clock.now());
  approved.evidence_before = notes.json();
  auto weighed = co_await weigh(core, approved);
  if (!weighed) co_return fail(std::move(weighed.error()));
  if (weighed->waits.empty() && weighed->decision.kind != DecisionKind::automatic)
    co_return fail(Errc::refused, weighed->decision.reason);
  // Policy has asked for the server's role, so its identity is known by now.
  const auto here = core->parts.lanes.identity().system_identifier;
  if (change.plan.system_identifier.empty()) change.plan.system_identifier = here;
  if (!here.empty() && change.plan.system_identifier != here)
    co_return fail(Errc::conflict, "the plan is for another server: its system identifier is " +
                                       change.plan.system_identifier + ", this one's " + here);
  auto known = co_await look_for(core, change);
  if (!known) co_return fail(std::move(known.error()));
  if (known->same) co_return *known->same;
  auto inserted = co_await insert(core, change, actor);
  co_return inserted;
}

net::TaskResult<Change> approve_change(CorePtr core, std::string id, std::string hash, std::string actor) {
  auto change = co_await find(core, id);
  if (!change) co_return change;
  if (change->state != ChangeState::proposed) co_return wrong_state(*change, "proposed");
  if (change->plan_hash != hash || plan_hash(change->plan) != hash)
    co_return fail(Errc::conflict,
                   "the plan's hash is " + change->plan_hash + "; look at the plan again and approve that");
  auto freeze = co_await read_freeze(core);
  if (!freeze) co_return fail(std::move(freeze.error()));
  if (freeze->on)
    co_return fail(Errc::refused, "changes are " + describe(*freeze) + "; nothing was approved. Lift it (" +
                                      freeze->cure + ") and approve again");
  const auto from = change->state;
  const UtcTime now = core->parts.clock.now();
  change->state = ChangeState::approved;
  change->approved_by = actor;
  change->expires_at = now + core->options.approval_ttl;
  Notes notes(change->evidence_before);
  notes.set("approved_at", now);
  change->evidence_before = notes.json();
  const std::string action = "change.approve";
  auto moved = co_await move(core, *change, from, action, hash, actor);
  core->resting.erase(change->id);
  co_return moved;
}

net::TaskResult<Change> reject_change(CorePtr core, std::string id, std::string reason, std::string actor) {
  auto change = co_await find(core, id);
  if (!change) co_return change;
  const auto from = change->state;
  const bool begun = from != ChangeState::proposed && from != ChangeState::approved && from != ChangeState::deferred;
  if (begun || core->busy.contains(change->id)) co_return wrong_state(*change, "waiting");
  change->state = ChangeState::rejected;
  change->last_error = reason;
  const std::string action = "change.reject";
  auto moved = co_await move(core, *change, from, action, reason, actor);
  co_return moved;
}

net::TaskResult<Change> undo_change(CorePtr core, std::string id, std::string actor) {
  auto change = co_await find(core, id);
  if (!change) co_return change;
  const auto from = change->state;
  const bool in_force =
      from == ChangeState::kept || from == ChangeState::observing || from == ChangeState::needs_restart;
  const bool ended_half = from == ChangeState::failed && kind_of(change->plan).keeps_half() && change->attempt > 0;
  if (!in_force && !ended_half) co_return wrong_state(*change, "kept or observed");
  if (change->plan.sql_down.empty()) co_return fail(Errc::unsupported, "this change has no way back");
  change->state = ChangeState::reverting;
  change->backend_pid.reset();
  change->backend_start.reset();
  const std::string action = "change.undo", result = "ok";
  auto moved = co_await move(core, *change, from, action, result, actor);
  core->resting.erase(change->id);
  co_return moved;
}

}  // namespace pgtend::change
