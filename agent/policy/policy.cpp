#include "agent/policy/policy.hpp"

#include <algorithm>
#include <cmath>

#include "agent/policy/limits.hpp"
#include "agent/policy/trust.hpp"

namespace pgtend::policy {

namespace {

Decision decided(DecisionKind kind, std::string limit, std::string reason,
                 std::optional<UtcTime> not_before = std::nullopt) {
  return {kind, std::move(limit), std::move(reason), not_before};
}

ChangeKind kind_of(ActionClass action) {
  switch (action) {
    case ActionClass::create_index:
    case ActionClass::drop_index:
    case ActionClass::reindex:
      return ChangeKind::index;
    case ActionClass::refresh_matview:
      return ChangeKind::refresh;
    case ActionClass::analyze:
    case ActionClass::vacuum:
      return ChangeKind::maintenance;
    case ActionClass::create_statistics:
    case ActionClass::drop_statistics:
      return ChangeKind::statistics;
    case ActionClass::cancel_session:
    case ActionClass::terminate_session:
      return ChangeKind::session;
    case ActionClass::row_security:
      return ChangeKind::row_security;
    case ActionClass::create_partition:
    case ActionClass::detach_partition:
    case ActionClass::drop_partition:
    case ActionClass::drain_default:
      return ChangeKind::partition;
    case ActionClass::pgbouncer_setting:
      return ChangeKind::pgbouncer;
    default:
      return ChangeKind::setting;
  }
}

// A refresh or a vacuum leaves nothing to take back.
bool has_way_back(ActionClass action) {
  const auto kind = kind_of(action);
  return kind != ChangeKind::refresh && kind != ChangeKind::maintenance;
}

// A plan whose parts contradict each other was not made by an advisor.
bool is_coherent(const ProposedChange& change) {
  if (change.sql_up.empty() || kind_of(change.action) != change.kind) return false;
  switch (change.kind) {
    case ChangeKind::index:
      return std::holds_alternative<IndexChange>(change.detail);
    case ChangeKind::refresh:
      return std::holds_alternative<RefreshChange>(change.detail);
    case ChangeKind::maintenance:
      return std::holds_alternative<MaintenanceChange>(change.detail);
    case ChangeKind::setting:
      return std::holds_alternative<SettingChange>(change.detail);
    case ChangeKind::statistics:
      return std::holds_alternative<StatisticsChange>(change.detail);
    case ChangeKind::session:
      return std::holds_alternative<SessionChange>(change.detail);
    case ChangeKind::row_security:
      return std::holds_alternative<RowSecurityChange>(change.detail);
    case ChangeKind::partition:
      return std::holds_alternative<PartitionChange>(change.detail);
    case ChangeKind::pgbouncer:
      return std::holds_alternative<PgbouncerChange>(change.detail);
  }
  return false;
}

// What no rule and no person can lift.
std::optional<Decision> hard_stop(const ProposedChange& change, const PolicyConfig& config, const PolicyPast& past) {
  constexpr auto refused = DecisionKind::refused;
  if (past.role == ServerRole::standby) return decided(refused, "standby", "The server is a standby.");
  if (past.role != ServerRole::primary)
    return decided(refused, "role", "It is not known that the server is a primary.");
  if (past.frozen)
    return decided(refused, "freeze",
                   past.frozen_by.empty() ? "Changes are frozen." : "Changes are frozen by " + past.frozen_by + ".");
  if (config.frozen) return decided(refused, "freeze", "Changes are frozen in the configuration.");
  if (!is_coherent(change)) return decided(refused, "plan", "The parts of the plan contradict each other.");
  if (const auto* setting = std::get_if<SettingChange>(&change.detail))
    if (is_denied_setting(setting->name))
      return decided(refused, "setting deny list", "pgtend never changes " + setting->name + ".");
  return std::nullopt;
}

bool is_known_cost(const CostEstimate& cost) {
  return cost.bytes >= 0 && std::isfinite(cost.seconds) && cost.seconds >= 0;
}

// Why an automatic change needs a person after all.
std::optional<Decision> ask_a_person(const ProposedChange& change, Risk risk, const PolicyConfig& config,
                                     const PolicyPast& past, UtcTime now) {
  constexpr auto approval = DecisionKind::needs_approval;
  const bool undoable = !change.sql_down.empty();
  if (is_for_people(change.action))
    return decided(approval, "approval only",
                   "Changes of class " + std::string(to_string(change.action)) + " are always approved by a person.");
  if (!undoable && has_way_back(change.action))
    return decided(approval, "no way back", "It has no statement that takes it back.");
  if (risk == Risk::high) return decided(approval, "risk high", "Its risk is high.");
  if (change.action == ActionClass::restart_setting)
    return decided(approval, "restart", "It takes effect only after a restart, which a person does.");
  if (!is_known_cost(change.cost)) return decided(approval, "cost estimate", "Its cost could not be estimated.");
  if (auto lost = lost_trust(change.action, past, now)) return decided(approval, lost->limit, std::move(lost->reason));
  if (auto why = missing_trust(change.action, config.trust, past); !why.empty())
    return decided(approval, "track record", std::move(why));
  return std::nullopt;
}

Decision waiting(const Obstacle& obstacle) {
  if (!obstacle.until) return decided(DecisionKind::needs_approval, obstacle.limit, obstacle.reason);
  return decided(DecisionKind::automatic, obstacle.limit, obstacle.reason, obstacle.until);
}

Decision decide_automatic(const ProposedChange& change, const Ruling& ruling, const PolicyConfig& config,
                          const PolicyPast& past, UtcTime now) {
  const PolicyWindow* window = window_of(ruling, config);
  if (window == nullptr && ruling.rule != nullptr && !ruling.rule->window.empty())
    return decided(DecisionKind::needs_approval, "window " + ruling.rule->window,
                   "Window \"" + ruling.rule->window + "\" is not defined.");
  if (window != nullptr)
    if (const auto obstacle = window_obstacle(change, *window, now)) return waiting(*obstacle);
  if (const auto obstacle = budget_obstacle(change, ruling, window, past, now)) return waiting(*obstacle);
  if (const auto obstacle = replica_lag_obstacle(ruling, past, now)) return waiting(*obstacle);
  if (auto obstacle = cool_down_obstacle(change, ruling, past, now)) {
    // The object is ready then, but the window may not be.
    if (window != nullptr && !is_open(*window, *obstacle->until))
      obstacle->until = next_opening(*window, *obstacle->until);
    return waiting(*obstacle);
  }
  if (const auto obstacle = in_flight_obstacle(change, past, now)) return waiting(*obstacle);
  return decided(DecisionKind::automatic, ruling.limit, ruling.subject + " lets it run by itself.");
}

}  // namespace

Decision decide(const ProposedChange& change, Risk risk, const PolicyConfig& config, const PolicyPast& past,
                UtcTime now) {
  if (!past.ledger_writable)
    return decided(DecisionKind::recommend, "ledger", "The ledger cannot be written, so nothing can be changed.");
  if (auto stop = hard_stop(change, config, past)) return *stop;
  const Ruling ruling = ruling_for(change, config);
  if (ruling.mode == PolicyMode::never)
    return decided(DecisionKind::refused, ruling.limit, ruling.subject + " never allows it.");
  if (ruling.mode == PolicyMode::recommend)
    return decided(DecisionKind::recommend, ruling.limit, ruling.subject + " only recommends it.");
  if (const auto undone = undo_obstacle(change, config, past, now))
    return decided(DecisionKind::recommend, undone->limit, undone->reason, undone->until);
  if (ruling.mode == PolicyMode::approve)
    return decided(DecisionKind::needs_approval, ruling.limit, ruling.subject + " asks for approval.");
  if (auto person = ask_a_person(change, risk, config, past, now)) return *person;
  return decide_automatic(change, ruling, config, past, now);
}

Decision decide_approved(const ProposedChange& change, const PolicyConfig& config, const PolicyPast& past,
                         std::optional<UtcTime> approved_at, UtcTime now) {
  constexpr auto refused = DecisionKind::refused;
  if (!past.ledger_writable)
    return decided(refused, "ledger", "The ledger cannot be written, so nothing can be changed.");
  if (auto stop = hard_stop(change, config, past)) return *stop;
  const Ruling ruling = ruling_for(change, config);
  if (ruling.mode == PolicyMode::never) return decided(refused, ruling.limit, ruling.subject + " never allows it.");
  // What policy only recommends a person does by hand, or changes the policy for all to see.
  if (ruling.mode == PolicyMode::recommend)
    return decided(DecisionKind::recommend, ruling.limit,
                   ruling.subject + " only recommends it, not even with an approval.");
  if (!approved_at || now >= *approved_at + config.approval_ttl)
    return decided(refused, "approval_ttl", "The approval has expired.");
  if (const auto obstacle = in_flight_obstacle(change, past, now))
    return decided(DecisionKind::automatic, obstacle->limit, obstacle->reason, obstacle->until);
  return decided(DecisionKind::automatic, "approval", "A person approved it.");
}

bool make_coherent(ProposedChange& change) {
  change.kind = kind_of(change.action);
  return is_coherent(change);
}

bool has_replica_ceiling(const ProposedChange& change, const PolicyConfig& config) {
  return ruling_for(change, config).budget.replica_lag.has_value();
}

std::string rule_for(const ProposedChange& change, const PolicyConfig& config) {
  const Ruling ruling = ruling_for(change, config);
  return ruling.rule != nullptr ? ruling.rule->name : "";
}

}  // namespace pgtend::policy
