#include "alerts/dispatch.hpp"

#include <algorithm>

namespace pgtend::alerts {

namespace {

void remember_ended(GroupAlert& entry, const Alert& ended) {
  if (entry.ended.size() == kEpisodesKept) {
    entry.ended.erase(entry.ended.begin());
    ++entry.more_ended;
  }
  entry.ended.push_back({ended.fired_at.value_or(ended.active_at), ended.resolved_at});
}

void take_firing(GroupAlert& entry, const Alert& alert) {
  if (entry.held_resolve) {
    remember_ended(entry, *entry.held_resolve);
    entry.held_resolve.reset();
    entry.release_at.reset();
  } else if (entry.alert.state == AlertState::resolved) {
    remember_ended(entry, entry.alert);
  }
  entry.alert = alert;
}

// One digest for as long as it flaps.
void note_flapping(GroupAlert& entry, bool flapping) {
  if (flapping && !entry.digested) entry.digest_due = true;
  entry.digested = flapping;
}

void take(AlertGroup& group, std::uint64_t fingerprint, const Alert& alert, std::optional<Millis> hold, UtcTime now) {
  const auto known = group.alerts.find(fingerprint);
  if (alert.state == AlertState::resolved) {
    // Of one that is not here every receiver has heard already.
    if (known == group.alerts.end()) return;
    if (hold && known->second.alert.state == AlertState::firing) {
      known->second.release_at = now + *hold;
      known->second.held_resolve = alert;
      note_flapping(known->second, true);
    } else {
      known->second.alert = alert;
    }
    return;
  }
  auto& entry = group.alerts[fingerprint];
  take_firing(entry, alert);
  note_flapping(entry, hold.has_value());
}

// An end whose beginning nobody was told of. Without this the flush would tell the whole episode, and may come when the
// change behind it is long over.
void drop_unheard(AlertGroup& group, std::uint64_t fingerprint) {
  const auto found = group.alerts.find(fingerprint);
  if (found == group.alerts.end() || found->second.alert.state != AlertState::resolved || !found->second.ended.empty())
    return;
  const bool heard = std::any_of(group.told.begin(), group.told.end(), [&](const auto& told) {
    return told.second.firing.contains(fingerprint) || told.second.unsent.contains(fingerprint);
  });
  if (!heard) group.alerts.erase(found);
}

// The group that a route keeps this alert in; beyond the limit all of a route's alerts share one.
AlertGroup& group_for(DispatchState& state, const RouteNode& route, const Labels& labels, UtcTime now) {
  auto key = group_key(route, labels);
  auto found = state.groups.find(key);
  if (found == state.groups.end() && state.groups.size() >= kMaxGroups) {
    key = route.key + ":{}";
    found = state.groups.find(key);
  }
  const bool fresh = found == state.groups.end() || found->second.alerts.empty();
  auto& group = state.groups[key];
  if (fresh) {
    group.key = key;
    group.route = route.key;
    group.labels = key == route.key + ":{}" ? Labels{} : group_labels(route, labels);
    group.next_flush = now + route.group_wait;
    group.flushed = false;
  }
  return group;
}

}  // namespace

void admit(DispatchState& state, const DispatchRules& rules, const DispatchInputs& inputs,
           const std::vector<Alert>& changed, UtcTime now, DispatchStep& step) {
  std::map<std::uint64_t, std::set<std::string>> groups_of;
  if (!changed.empty())
    for (const auto& [key, group] : state.groups)
      for (const auto& [id, entry] : group.alerts) groups_of[id].insert(key);
  for (const auto& alert : changed) {
    const bool firing = alert.state == AlertState::firing;
    if (!firing && alert.state != AlertState::resolved) continue;
    const auto id = fingerprint(alert.labels);
    note_transition(state.flaps, id, alert, now);
    const auto hold = resolve_hold(state.flaps, id, rules.flap, now);
    // A group whose route was taken away still owes its receivers the end.
    auto& keys = groups_of[id];
    if (firing)
      for (const auto* route : rules.tree.match(alert.labels)) {
        if (!route->receiver.empty()) keys.insert(group_for(state, *route, alert.labels, now).key);
      }
    const bool expected = caused_by(alert, inputs.changes).has_value();
    for (const auto& key : keys) {
      auto& group = state.groups.at(key);
      take(group, id, alert, hold, now);
      if (expected) drop_unheard(group, id);
    }
    step.touched.insert(keys.begin(), keys.end());
  }
  forget_old_transitions(state.flaps, now);
}

void take_over(DispatchState& state, UtcTime now) {
  for (auto& [key, group] : state.groups)
    if (group.flushed) group.next_flush = std::min(group.next_flush, now);
}

bool settle(DispatchState& state, const std::string& group_key, const std::string& integration, std::int64_t sequence) {
  const auto group = state.groups.find(group_key);
  if (group == state.groups.end()) return false;
  const auto told = group->second.told.find(integration);
  if (told == group->second.told.end() || told->second.sequence != sequence || told->second.unsent.empty())
    return false;
  told->second.unsent.clear();
  return true;
}

std::optional<std::string> mute_reason(const Alert& alert, const RouteNode* route, const DispatchRules& rules,
                                       const DispatchInputs& inputs, const Inhibition& inhibition, UtcTime now) {
  if (inputs.standby) return "an Alertmanager takes the alerts";
  if (auto why = silenced_by(alert, inputs.silences, now)) return why;
  if (auto why = inhibition.of(alert)) return why;
  if (auto why = caused_by(alert, inputs.changes)) return why;
  return route == nullptr ? std::nullopt : outside_hours(*route, rules.intervals, now);
}

}  // namespace pgtend::alerts
