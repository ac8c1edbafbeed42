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
[[nodiscard]] std::optional<Obstacle> cool_down_obstacle(const ProposedChange& change, const Ruling& ruling,
                                                         const PolicyPast& past, UtcTime now);
[[nodiscard]] std::optional<Obstacle> undo_obstacle(const ProposedChange& change, const PolicyConfig& config,
                                                    const PolicyPast& past, UtcTime now);
[[nodiscard]] std::optional<Obstacle> in_flight_obstacle(const ProposedChange& change, const PolicyPast& past,
                                                         UtcTime now);

// True when two undone changes of this class are too recent for it to act by itself.
[[nodiscard]] bool has_lost_trust(ActionClass action, const PolicyPast& past, UtcTime now);

}  // namespace pgtend::policy
