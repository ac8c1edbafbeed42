#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/model/notification.hpp"
#include "alerts/flapping.hpp"
#include "alerts/muting.hpp"
#include "alerts/route_tree.hpp"

// From alerts to messages: groups alerts by route, waits, leaves out what is muted, tells each receiver what it does
// not know yet, repeats and escalates. The wording of time (group_wait, group_interval, repeat_interval) is
// Alertmanager's. Three things differ on purpose, so that nothing is lost: an episode that ended before its first flush
// is told all the same; a receiver that was told "firing" is always told "resolved", muted or not; and what a receiver
// has not acknowledged is said again by the message that takes the place of the old one.
namespace pgtend::alerts {

// One way to reach a receiver.
struct Integration {
  std::string id;  // "oncall/slack/0"
  bool send_resolved = true;
};

struct DispatchRules {
  RouteTree tree;
  std::map<std::string, std::vector<Integration>> receivers;  // by name
  std::vector<InhibitRule> inhibit;
  std::vector<NamedIntervals> intervals;
  FlapOptions flap;
};

// What holds at the moment of a flush.
struct DispatchInputs {
  std::vector<Alert> alerts;  // all that are known
  std::vector<Silence> silences;
  std::vector<ExpectedByChange> changes;
  bool standby = false;  // an Alertmanager takes the alerts: nothing new is told here
};

struct DispatchStep {
  std::vector<Notification> notifications;
  std::set<std::string> touched;  // keys of groups that changed, those that ended included
};

// Source: a host agent watches one server; the most groups a measured rule set made with 2,000 tables is 2,000.
inline constexpr std::size_t kMaxGroups = 5'000;
// Alerts in one message; the wire formats have their own, lower limits for what they show.
inline constexpr std::size_t kMaxAlertsPerMessage = 500;
inline constexpr std::size_t kEpisodesKept = 8;

// Takes alerts that changed into the groups of their routes. Alerts that neither fire nor resolved are left out, and
// ends that one of our changes explains, where nobody was told of the beginning.
void admit(DispatchState& state, const DispatchRules& rules, const DispatchInputs& inputs,
           const std::vector<Alert>& changed, UtcTime now, DispatchStep& step);

// Whether flush() would do anything but copy.
[[nodiscard]] bool is_due(const DispatchState& state, const DispatchRules& rules, UtcTime now);

// Flushes the groups that are due.
void flush(DispatchState& state, const DispatchRules& rules, const DispatchInputs& inputs, UtcTime now,
           DispatchStep& step);

// An Alertmanager does not take the alerts any more: groups that have kept quiet because of it speak at the next flush,
// not an interval later. One that still gathers goes on gathering.
void take_over(DispatchState& state, UtcTime now);

// A message of this sequence has arrived, or was given up for good: what it said need not be said again. Returns
// whether anything changed.
bool settle(DispatchState& state, const std::string& group_key, const std::string& integration, std::int64_t sequence);

// Why an alert that fires is not told now; nullopt: it is.
[[nodiscard]] std::optional<std::string> mute_reason(const Alert& alert, const RouteNode* route,
                                                     const DispatchRules& rules, const DispatchInputs& inputs,
                                                     const Inhibition& inhibition, UtcTime now);

}  // namespace pgtend::alerts
