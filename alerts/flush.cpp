#include <algorithm>
#include <tuple>

#include "alerts/dispatch.hpp"
#include "alerts/message.hpp"
#include "alerts/message_order.hpp"

// The flush of one group: what is said to whom.
namespace pgtend::alerts {

namespace {

// Source: the outbox gives a resolved message up after 24 hours.
constexpr Millis kUnsentKept{25LL * 3'600'000};

// The wall clock may have been set back: nothing waits longer than it would have from now.
void mend_times(AlertGroup& group, const RouteNode& route, UtcTime now) {
  const Millis longest = std::max(route.group_wait, route.group_interval);
  group.next_flush = std::min(group.next_flush, now + longest);
  if (group.firing_since) group.firing_since = std::min(*group.firing_since, now);
  for (auto& [id, told] : group.told)
    if (told.last_at) told.last_at = std::min(*told.last_at, now);
  for (auto& [id, entry] : group.alerts)
    if (entry.release_at) entry.release_at = std::min(*entry.release_at, now + kLongestHold);
}

// What was given up by the outbox (a day after the end) is not waited for.
void forget_unsent(AlertGroup& group, UtcTime now) {
  if (!group.alerts.empty()) return;
  for (auto& [id, told] : group.told)
    if (told.last_at && now - *told.last_at > kUnsentKept) told.unsent.clear();
}

void release_held(AlertGroup& group, UtcTime now) {
  for (auto& [id, entry] : group.alerts) {
    if (!entry.held_resolve || now < entry.release_at.value_or(now)) continue;
    entry.alert = std::move(*entry.held_resolve);
    entry.held_resolve.reset();
    entry.release_at.reset();
    entry.digest_due = false;
  }
}

bool has_held_due(const AlertGroup& group, UtcTime now) {
  return std::any_of(group.alerts.begin(), group.alerts.end(), [now](const auto& each) {
    return each.second.held_resolve && each.second.release_at && *each.second.release_at <= now;
  });
}

// An alert as one flush sees it.
struct Seen {
  std::uint64_t id = 0;
  const GroupAlert* entry = nullptr;
  bool firing = false;
  bool muted = false;
};

struct GroupFlush {
  const DispatchRules& rules;
  AlertGroup& group;
  const RouteNode* route;  // nullptr: the route is gone, only ends are told
  std::vector<Seen> alerts;
  UtcTime now;
  bool escalates = false;
};

// While an alert flaps, only that it began to is news.
bool is_new_episode(const Seen& seen, const ToldMemory& told) {
  const auto& entry = *seen.entry;
  return !told.firing.contains(seen.id) || entry.digest_due || (!entry.ended.empty() && !entry.digested);
}

// Whether an alert belongs into a message to this integration, if there is one.
bool belongs(const Seen& seen, const ToldMemory& told, bool send_resolved) {
  const bool was_told = told.firing.contains(seen.id);
  if (seen.firing) return !seen.muted;
  return was_told ? send_resolved : !seen.muted;
}

std::optional<NotificationReason> reason_to_tell(const GroupFlush& flush, const ToldMemory& told,
                                                 const Integration& integration) {
  bool fired = false, ended = false, digest = false, firing = false;
  for (const auto& seen : flush.alerts) {
    if (!belongs(seen, told, integration.send_resolved)) continue;
    firing = firing || seen.firing;
    digest = digest || (seen.firing && seen.entry->digest_due);
    fired = fired || (seen.firing && is_new_episode(seen, told));
    ended = ended || !seen.firing;
  }
  if (digest) return NotificationReason::flapping;
  if (fired) return flush.escalates && !told.last_at ? NotificationReason::escalation : NotificationReason::firing;
  if (ended) return firing ? NotificationReason::firing : NotificationReason::resolved;
  const bool is_time =
      flush.route != nullptr && told.last_at && flush.now - *told.last_at >= flush.route->repeat_interval;
  if (firing && is_time) return NotificationReason::repeat;
  return std::nullopt;
}

void add_episode(NotifiedAlert& to, const Episode& episode) {
  if (episode.fired_at == to.alert.fired_at) return;
  for (auto& known : to.earlier)
    if (known.fired_at == episode.fired_at) {
      if (!known.resolved_at) known.resolved_at = episode.resolved_at;
      return;
    }
  if (to.earlier.size() == kEpisodesKept) {
    to.earlier.erase(to.earlier.begin());
    ++to.more_episodes;
  }
  to.earlier.push_back(episode);
}

// What the message before said and nobody acknowledged is said again.
void add_unsent(std::map<std::uint64_t, NotifiedAlert>& content, const ToldMemory& told) {
  for (const auto& [id, old] : told.unsent) {
    const auto found = content.find(id);
    if (found == content.end()) {
      // A firing one is muted by now, or its end is told to nobody; an end must arrive.
      if (old.alert.state == AlertState::resolved) content.emplace(id, old);
      continue;
    }
    auto& now = found->second;
    std::vector<Episode> after;
    after.swap(now.earlier);
    for (const auto& episode : old.earlier) add_episode(now, episode);
    add_episode(now, {old.alert.fired_at.value_or(old.alert.active_at), old.alert.resolved_at});
    for (const auto& episode : after) add_episode(now, episode);
    now.more_episodes += old.more_episodes;
  }
}

std::map<std::uint64_t, NotifiedAlert> content_for(const GroupFlush& flush, const ToldMemory& told,
                                                   const Integration& integration) {
  std::map<std::uint64_t, NotifiedAlert> out;
  for (const auto& seen : flush.alerts) {
    if (!belongs(seen, told, integration.send_resolved)) continue;
    NotifiedAlert entry;
    entry.alert = seen.entry->alert;
    entry.more_episodes = seen.entry->more_ended;
    entry.flapping = seen.entry->digest_due || seen.entry->held_resolve.has_value();
    for (const auto& episode : seen.entry->ended) add_episode(entry, episode);
    out.emplace(seen.id, std::move(entry));
  }
  add_unsent(out, told);
  return out;
}

void update_told(const GroupFlush& flush, ToldMemory& told, const Integration& integration, bool spoke) {
  std::set<std::uint64_t> firing;
  for (const auto& seen : flush.alerts) {
    if (!seen.firing) continue;
    const bool said = spoke && belongs(seen, told, integration.send_resolved);
    if (said || told.firing.contains(seen.id)) firing.insert(seen.id);
  }
  told.firing = std::move(firing);
  if (told.firing.empty()) told.count = 0;
}

void tell(const GroupFlush& flush, const std::string& receiver, const Integration& integration, std::int64_t& sequence,
          DispatchStep& step) {
  auto& told = flush.group.told[integration.id];
  const auto reason = reason_to_tell(flush, told, integration);
  if (reason) {
    auto content = content_for(flush, told, integration);
    Notification message;
    message.receiver = receiver;
    message.integration = integration.id;
    message.group_key = flush.group.key;
    message.group_labels = flush.group.labels;
    message.reason = *reason;
    message.sequence = ++sequence;
    message.told = ++told.count;
    message.alerts = in_order(content, message.truncated);
    const bool any_firing = message.alerts.front().alert.state == AlertState::firing;
    if (any_firing && !flush.group.firing_since) flush.group.firing_since = flush.now;
    told.unsent = std::move(content);
    told.sequence = message.sequence;
    step.notifications.push_back(std::move(message));
  }
  update_told(flush, told, integration, reason.has_value());
  if (reason) told.last_at = flush.now;
}

// The receivers of a group now: its route's, and those it was escalated to. Of a route that is gone: whoever was told.
std::vector<std::string> receivers_of(const GroupFlush& flush) {
  std::vector<std::string> out;
  if (flush.route != nullptr) {
    out.push_back(flush.route->receiver);
    for (int i = 0; i < flush.group.escalated && i < static_cast<int>(flush.route->escalate.size()); ++i)
      out.push_back(flush.route->escalate[static_cast<std::size_t>(i)].receiver);
  } else {
    for (const auto& [name, integrations] : flush.rules.receivers)
      for (const auto& integration : integrations)
        if (flush.group.told.contains(integration.id)) out.push_back(name);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

bool step_is_due(const AlertGroup& group, const RouteNode* route, UtcTime now) {
  if (route == nullptr || !group.firing_since) return false;
  const auto taken = static_cast<std::size_t>(group.escalated);
  return taken < route->escalate.size() && now - *group.firing_since >= route->escalate[taken].after;
}

void escalate(GroupFlush& flush) {
  const bool any = std::any_of(flush.alerts.begin(), flush.alerts.end(),
                               [](const Seen& seen) { return seen.firing && !seen.muted; });
  while (any && step_is_due(flush.group, flush.route, flush.now)) {
    ++flush.group.escalated;
    flush.escalates = true;
  }
}

// `said`: somebody was told in this flush. Episodes of an alert that flaps wait for the message that ends it.
void forget_told(AlertGroup& group, bool said) {
  bool firing = false;
  for (auto it = group.alerts.begin(); it != group.alerts.end();) {
    auto& entry = it->second;
    if (entry.alert.state == AlertState::resolved) {
      it = group.alerts.erase(it);
      continue;
    }
    firing = true;
    entry.digest_due = false;
    if (said || !entry.digested) {
      entry.ended.clear();
      entry.more_ended = 0;
    }
    ++it;
  }
  if (!firing) {
    group.firing_since.reset();
    group.escalated = 0;
  }
}

// Whether a flush changes more than its own time, even if nobody is told.
bool has_news(const AlertGroup& group) {
  return std::any_of(group.alerts.begin(), group.alerts.end(), [](const auto& each) {
    const auto& entry = each.second;
    return entry.alert.state == AlertState::resolved || !entry.ended.empty() || entry.digest_due;
  });
}

bool is_over(const AlertGroup& group) {
  return group.alerts.empty() &&
         std::all_of(group.told.begin(), group.told.end(), [](const auto& told) { return told.second.unsent.empty(); });
}

}  // namespace

std::vector<NotifiedAlert> in_order(const std::map<std::uint64_t, NotifiedAlert>& content, int& truncated) {
  std::vector<NotifiedAlert> out;
  for (const auto& [id, entry] : content) out.push_back(entry);
  std::sort(out.begin(), out.end(), [](const NotifiedAlert& a, const NotifiedAlert& b) {
    const bool af = a.alert.state == AlertState::firing, bf = b.alert.state == AlertState::firing;
    if (af != bf) return af;
    // The first one names the message: the worst, however long the others have fired.
    const auto au = urgency_of(a.alert.labels.get("severity")), bu = urgency_of(b.alert.labels.get("severity"));
    if (au != bu) return au > bu;
    return std::tie(a.alert.fired_at, a.alert.labels) < std::tie(b.alert.fired_at, b.alert.labels);
  });
  if (out.size() > kMaxAlertsPerMessage) {
    truncated = static_cast<int>(out.size() - kMaxAlertsPerMessage);
    out.resize(kMaxAlertsPerMessage);
  }
  return out;
}

bool is_due(const DispatchState& state, const DispatchRules& rules, UtcTime now) {
  return std::any_of(state.groups.begin(), state.groups.end(), [&](const auto& each) {
    const auto& group = each.second;
    if (group.alerts.empty()) return is_over(group);
    const auto* route = rules.tree.find(group.route);
    const Millis longest = route == nullptr ? kGroupInterval : std::max(route->group_wait, route->group_interval);
    return now >= group.next_flush || group.next_flush > now + longest || has_held_due(group, now) ||
           step_is_due(group, route, now);
  });
}

void flush(DispatchState& state, const DispatchRules& rules, const DispatchInputs& inputs, UtcTime now,
           DispatchStep& step) {
  std::optional<Inhibition> inhibition;
  for (auto it = state.groups.begin(); it != state.groups.end();) {
    auto& group = it->second;
    const auto* route = rules.tree.find(group.route);
    if (route != nullptr) mend_times(group, *route, now);
    release_held(group, now);
    forget_unsent(group, now);
    const bool is_time = now >= group.next_flush;
    if (is_time || step_is_due(group, route, now)) {
      if (!inhibition) inhibition.emplace(rules.inhibit, inputs.alerts);
      GroupFlush one{rules, group, route, {}, now};
      for (const auto& [id, entry] : group.alerts) {
        const bool is_firing = entry.alert.state == AlertState::firing;
        const bool muted = (is_firing && route == nullptr) ||
                           mute_reason(entry.alert, route, rules, inputs, *inhibition, now).has_value();
        one.alerts.push_back({id, &entry, is_firing, muted});
      }
      escalate(one);
      const auto said = step.notifications.size();
      const bool worth_storing = !group.flushed || one.escalates || has_news(group);
      if (is_time || one.escalates) {
        for (const auto& name : receivers_of(one))
          if (const auto known = rules.receivers.find(name); known != rules.receivers.end())
            for (const auto& integration : known->second) tell(one, name, integration, state.sequence, step);
        forget_told(group, step.notifications.size() > said);
        group.flushed = true;
        // The time of the next flush alone is not worth a write: after a restart an early one says nothing new.
        if (worth_storing || step.notifications.size() > said) step.touched.insert(it->first);
      }
      if (is_time)
        group.next_flush = now + std::max(route == nullptr ? kGroupInterval : route->group_interval, Millis(1000));
    }
    if (is_over(group)) {
      step.touched.insert(it->first);
      it = state.groups.erase(it);
    } else {
      ++it;
    }
  }
}

}  // namespace pgtend::alerts
