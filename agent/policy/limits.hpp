#pragma once

#include <optional>
#include <string>

#include "agent/policy/policy.hpp"

// The limits of an automatic change, one function each. Internal to this folder.
namespace pgtend::policy {

// What decides for one change: a rule, or the default of its class.
struct Ruling {
  const PolicyRule* rule = nullptr;  // null: the class default
  PolicyMode mode = PolicyMode::recommend;
  std::string limit;    // "rule night", "action_class vacuum"
  std::string subject;  // the same in words
  PolicyBudget budget;  // the rule's, filled up from the default one
  Millis cool_down{0};
};

[[nodiscard]] Ruling ruling_for(const ProposedChange& change, const PolicyConfig& config);
// The ruling of a rule of `config`, or without one of the class's default.
[[nodiscard]] Ruling ruling_of(const PolicyRule* rule, ActionClass action, const PolicyConfig& config);
// The window that the rule names; nullptr: it names none, or none that is defined.
[[nodiscard]] const PolicyWindow* window_of(const Ruling& ruling, const PolicyConfig& config);

// What a budget has let through in its period: the occurrence of the window, or the UTC day without one.
struct BudgetUse {
  std::optional<UtcTime> from, next;  // no `from`: the window is closed
  int changes = 0;
  CostEstimate spent;
};
[[nodiscard]] BudgetUse budget_use(const Ruling& ruling, ActionClass action, const PolicyWindow* window,
                                   const PolicyPast& past, UtcTime now);

// Why a change may not start now. Without `until` waiting does not help.
struct Obstacle {
  std::string limit, reason;
  std::optional<UtcTime> until;
};

// One limit for one moment. `none` means that it does not stand in the way.
[[nodiscard]] std::optional<Obstacle> window_obstacle(const ProposedChange& change, const PolicyWindow& window,
                                                      UtcTime now);
// `window` null: the budget is per UTC day.
[[nodiscard]] std::optional<Obstacle> budget_obstacle(const ProposedChange& change, const Ruling& ruling,
                                                      const PolicyWindow* window, const PolicyPast& past, UtcTime now);
// A standby that is further behind than the budget's ceiling; none while nobody has looked.
[[nodiscard]] std::optional<Obstacle> replica_lag_obstacle(const Ruling& ruling, const PolicyPast& past, UtcTime now);
[[nodiscard]] std::optional<Obstacle> cool_down_obstacle(const ProposedChange& change, const Ruling& ruling,
                                                         const PolicyPast& past, UtcTime now);
[[nodiscard]] std::optional<Obstacle> undo_obstacle(const ProposedChange& change, const PolicyConfig& config,
                                                    const PolicyPast& past, UtcTime now);
[[nodiscard]] std::optional<Obstacle> in_flight_obstacle(const ProposedChange& change, const PolicyPast& past,
                                                         UtcTime now);

// Two undone changes of this class that are too recent for it to act by itself.
[[nodiscard]] std::optional<Obstacle> lost_trust(ActionClass action, const PolicyPast& past, UtcTime now);

// Gives a plan the kind of its class; false when its detail is not of that kind.
[[nodiscard]] bool make_coherent(ProposedChange& change);

}  // namespace pgtend::policy
