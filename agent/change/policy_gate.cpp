#include <algorithm>

#include "agent/base/log.hpp"
#include "agent/change/core.hpp"
#include "agent/change/looks.hpp"
#include "agent/change/notes.hpp"
#include "agent/policy/limits.hpp"
#include "agent/policy/policy.hpp"

namespace pgtend::change {
namespace {

constexpr std::size_t kOpenChanges = 1'000;
constexpr Millis kAskAgain{5'000};

bool holds_measurement(ChangeState state) {
  return state == ChangeState::observing || state == ChangeState::post_validated;
}

bool is_acting(ChangeState state) {
  return state == ChangeState::pre_validated || state == ChangeState::applying || state == ChangeState::reverting;
}

// Another change that acts, and the database it has to itself; empty: the whole instance.
struct InFlight {
  Change change;
  std::string database;
};

// A refresh or a vacuum may run while an index is observed: its verdict compares with a control group, and observation
// may take days.
std::vector<InFlight> in_flight(const std::vector<Change>& open, const Change& change) {
  const bool measured = change.plan.kind == ChangeKind::index || change.plan.kind == ChangeKind::setting ||
                        change.plan.kind == ChangeKind::statistics;
  std::vector<InFlight> out;
  if (is_signal(change.plan)) return out;
  for (const auto& other : open) {
    if (other.id == change.id || is_signal(other.plan)) continue;
    if (!is_acting(other.state) && !(measured && holds_measurement(other.state))) continue;
    const bool instance =
        other.plan.action == ActionClass::system_setting || other.plan.action == ActionClass::restart_setting;
    // A vacuum need not wait for the observation of a setting either.
    out.push_back({other, instance ? std::string() : other.plan.database});
  }
  return out;
}

std::string what_happens(const Change& change) {
  std::string out = "change " + change.id.substr(0, 8) + " ";
  switch (change.state) {
    case ChangeState::pre_validated:
      out += "is about to act on ";
      break;
    case ChangeState::applying:
      out += "is being applied to ";
      break;
    case ChangeState::reverting:
      out += "is being undone on ";
      break;
    default:
      out += "is being observed on ";
      break;
  }
  out += change.plan.object;
  if (holds_measurement(change.state) && change.observe_until) out += " until " + minute_text(*change.observe_until);
  return out;
}

struct Past {
  PolicyPast past;
  std::vector<InFlight> in_flight;
};

net::TaskResult<Past> read_past(CorePtr core, Change change, PolicyConfig config) {
  const UtcTime since = core->parts.clock.now() - policy::kMemory;
  auto job = [change, since, config](store::Ledger& ledger) -> Result<Past> {
    const auto rule_of = [&](const ProposedChange& plan) { return policy::rule_for(plan, config); };
    auto past = ledger.policy_past(since, change.id, rule_of);
    if (!past) return fail(std::move(past.error()));
    auto open = ledger.list_changes({std::nullopt, true}, kOpenChanges);
    if (!open) return fail(std::move(open.error()));
    Past out{std::move(*past), in_flight(*open, change)};
    out.past.in_flight.clear();
    for (const auto& other : out.in_flight) out.past.in_flight.push_back(other.database);
    return out;
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

net::TaskResult<Millis> known_replica_lag(CorePtr core, Change change) {
  LaneAsker asker(core->parts.lanes, acting_database(*core, change.plan));
  auto lag = co_await replica_lag(&asker);
  if (!lag) co_return fail(std::move(lag.error()));
  co_return Millis(static_cast<std::int64_t>(lag->seconds * 1000));
}

bool is_passing(const std::string& limit) {
  return limit == "freeze" || limit == "role" || limit == "ledger" || limit == "standby";
}

ChangeState closed_state(const Decision& decision) {
  if (decision.limit == "approval_ttl") return ChangeState::expired;
  return decision.kind == DecisionKind::needs_approval ? ChangeState::proposed : ChangeState::rejected;
}

}  // namespace

net::TaskResult<Weighed> weigh(CorePtr core, Change change) {
  const auto config = core->parts.policy();
  auto known = co_await read_past(core, change, config);
  if (!known) co_return fail(std::move(known.error()));
  auto& past = known->past;
  past.role = co_await known_role(core, change);
  auto freeze = co_await read_freeze(core);
  past.ledger_writable = freeze.has_value();
  if (freeze && freeze->on) {
    past.frozen = true;
    past.frozen_by = freeze->by;
  }
  const bool by_policy = change.approved_by == "policy";
  if (by_policy && policy::has_replica_ceiling(change.plan, config)) {
    auto lag = co_await known_replica_lag(core, change);
    if (!lag) co_return fail(std::move(lag.error()));
    past.replica_lag = *lag;
  }
  const UtcTime now = core->parts.clock.now();
  const auto approved_at = Notes(change.evidence_before).time("approved_at");
  Weighed out;
  // Its risk was weighed when policy first let it run by itself; what can have changed since is looked at here.
  out.decision = by_policy ? policy::decide(change.plan, Risk::low, config, past, now)
                           : policy::decide_approved(change.plan, config, past, approved_at, now);
  if (out.decision.limit == "freeze") {
    out.waits = freeze && freeze->on ? describe(*freeze) : out.decision.reason;
    co_return out;
  }
  const bool waits = out.decision.not_before || is_passing(out.decision.limit);
  if (!waits) co_return out;
  out.waits = out.decision.reason;
  if (out.decision.not_before && out.decision.limit != "in flight")
    out.waits += " It goes on at " + minute_text(*out.decision.not_before) + " at the earliest.";
  for (const auto& other : known->in_flight) {
    if (out.decision.limit != "in flight") break;
    PolicyPast alone;
    alone.in_flight = {other.database};
    if (!policy::in_flight_obstacle(change.plan, alone, now)) continue;
    out.waits = what_happens(other.change);
    break;
  }
  co_return out;
}

net::Task<Leave> ask_policy(CorePtr core, Change change) {
  auto weighed = co_await weigh(core, change);
  if (!weighed) {
    core->rest(change.id, kAskAgain);
    co_return Leave::wait;
  }
  const auto& decision = weighed->decision;
  if (decision.kind == DecisionKind::automatic && !decision.not_before) co_return Leave::go;
  if (decision.kind == DecisionKind::automatic || is_passing(decision.limit)) {
    if (core->told.insert(change.id + decision.limit).second)
      log::info("change waits", {{"id", change.id}, {"limit", decision.limit}, {"reason", decision.reason}});
    const Millis until = decision.not_before ? *decision.not_before - core->parts.clock.now() : kAskAgain;
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
