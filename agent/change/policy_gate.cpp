#include <algorithm>

#include "agent/base/log.hpp"
#include "agent/change/core.hpp"
#include "agent/change/notes.hpp"
#include "agent/policy/policy.hpp"

namespace pgtend::change {
namespace {

// Longer than any cool-down that still doubles and any monthly budget.
constexpr Millis kPolicyMemory{90LL * 24 * 3600 * 1000};
constexpr std::size_t kOpenChanges = 1'000;
constexpr Millis kAskAgain{5'000};

bool holds_measurement(ChangeState state) {
  return state == ChangeState::observing || state == ChangeState::post_validated;
}

bool is_acting(ChangeState state) {
  return state == ChangeState::pre_validated || state == ChangeState::applying || state == ChangeState::reverting;
}

// Databases in which another change acts. A refresh or a vacuum may run while an index is observed: its verdict
// compares with a control group, and observation may take days.
std::vector<std::string> in_flight(const std::vector<Change>& open, const Change& change) {
  const bool measured = change.plan.kind == ChangeKind::index || change.plan.kind == ChangeKind::setting;
  std::vector<std::string> out;
  for (const auto& other : open) {
    if (other.id == change.id) continue;
    if (!is_acting(other.state) && !(measured && holds_measurement(other.state))) continue;
    const bool instance =
        other.plan.action == ActionClass::system_setting || other.plan.action == ActionClass::restart_setting;
    // A vacuum need not wait for the observation of a setting either.
    out.push_back(instance ? std::string() : other.plan.database);
  }
  return out;
}

net::TaskResult<PolicyPast> read_past(CorePtr core, Change change, PolicyConfig config) {
  const UtcTime since = core->parts.clock.now() - kPolicyMemory;
  auto job = [change, since, config](store::Ledger& ledger) -> Result<PolicyPast> {
    const auto rule_of = [&](const ProposedChange& plan) { return policy::rule_for(plan, config); };
    auto past = ledger.policy_past(since, change.id, rule_of);
    if (!past) return past;
    auto open = ledger.list_changes({std::nullopt, true}, kOpenChanges);
    if (!open) return fail(std::move(open.error()));
    past->in_flight = in_flight(*open, change);
    return past;
  };
  auto past = co_await with_ledger(core, job);
  co_return past;
}

// The role is known once any session was opened.
net::Task<ServerRole> known_role(CorePtr core, Change change) {
  if (core->parts.lanes.identity().role != ServerRole::unknown) co_return core->parts.lanes.identity().role;
  LaneAsker asker(core->parts.lanes, acting_database(*core, change.plan));
  const std::string sql = "SELECT 1";
  const pg::Params none;
  auto ignored = co_await asker.ask(sql, none);
  if (!ignored) log::debug("server not reached", {{"error", ignored.error().describe()}});
  co_return core->parts.lanes.identity().role;
}

bool is_passing(const std::string& limit) {
  return limit == "freeze" || limit == "role" || limit == "ledger" || limit == "standby";
}

ChangeState closed_state(const Decision& decision) {
  if (decision.limit == "approval_ttl") return ChangeState::expired;
  return decision.kind == DecisionKind::needs_approval ? ChangeState::proposed : ChangeState::rejected;
}

}  // namespace

net::Task<Leave> ask_policy(CorePtr core, Change change) {
  const auto config = core->parts.policy();
  auto past = co_await read_past(core, change, config);
  if (!past) {
    core->rest(change.id, kAskAgain);
    co_return Leave::wait;
  }
  past->role = co_await known_role(core, change);
  auto frozen = co_await frozen_by(core);
  past->ledger_writable = frozen.has_value();
  if (frozen && !frozen->empty()) {
    past->frozen = true;
    past->frozen_by = *frozen;
  }
  const UtcTime now = core->parts.clock.now();
  const bool by_policy = change.approved_by == "policy";
  const auto approved_at = Notes(change.evidence_before).time("approved_at");
  // Its risk was weighed when policy first let it run by itself; what can have changed since is looked at here.
  const auto decision = by_policy ? policy::decide(change.plan, Risk::low, config, *past, now)
                                  : policy::decide_approved(change.plan, config, *past, approved_at, now);
  if (decision.kind == DecisionKind::automatic && !decision.not_before) co_return Leave::go;
  if (decision.kind == DecisionKind::automatic || is_passing(decision.limit)) {
    if (core->told.insert(change.id + decision.limit).second)
      log::info("change waits", {{"id", change.id}, {"limit", decision.limit}, {"reason", decision.reason}});
    const Millis until = decision.not_before ? *decision.not_before - now : kAskAgain;
    core->rest(change.id, std::clamp(until, core->options.poll_interval, kAskAgain));
    co_return Leave::wait;
  }
  const auto from = change.state;
  auto next = change;
  next.state = closed_state(decision);
  next.decision = decision;
  next.last_error = decision.reason;
  const std::string action = "policy.decide", actor = core->parts.actor, result = decision.limit;
  auto moved = co_await move(core, next, from, action, result, actor);
  if (!moved) core->rest(change.id, kAskAgain);
  co_return Leave::closed;
}

}  // namespace pgtend::change
