#include "agent/engine/backtest_messages.hpp"

#include <algorithm>
#include <map>
#include <optional>

namespace pgtend::engine {

namespace {

// How often an alert that is kept quiet is looked at. Source: time intervals begin and end at whole minutes, and people
// write quarters of an hour.
constexpr Millis kQuietLook{900'000};

struct Event {
  UtcTime at;
  Alert alert;
};

// The alert of an episode as it fires. Texts are left out: they are not counted.
Alert alert_of(const alerts::CompiledRule& rule, const RuleEpisode& episode) {
  Alert out;
  out.rule = rule.rule.name;
  out.group = rule.group;
  out.labels = episode.alert;
  out.value = episode.fired.value;
  out.state = AlertState::firing;
  out.active_at = episode.told.active_at;
  out.fired_at = episode.told.fired_at;
  return out;
}

std::vector<Event> events_of(const alerts::CompiledRule& rule, std::span<const RuleEpisode> episodes) {
  std::vector<Event> out;
  for (const auto& episode : episodes) {
    auto alert = alert_of(rule, episode);
    out.push_back({episode.told.fired_at, alert});
    if (!episode.told.ended) continue;
    alert.state = AlertState::resolved;
    alert.resolved_at = episode.told.ended_at;
    out.push_back({episode.told.ended_at, std::move(alert)});
  }
  std::stable_sort(out.begin(), out.end(), [](const Event& a, const Event& b) { return a.at < b.at; });
  return out;
}

class Replay {
 public:
  Replay(std::vector<Event> events, const MessageCount& count) : events_(std::move(events)), count_(count) {}

  Result<std::size_t> run() {
    while (const auto now = next_moment()) {
      last_ = *now;
      if (count_.deadline && count_.clock.steady_now() >= *count_.deadline)
        return fail(Errc::timeout, "counting messages took too long");
      alerts::DispatchStep step;
      alerts::admit(state_, count_.rules, {}, take_events(*now), *now, step);
      if (!alerts::is_due(state_, count_.rules, *now)) continue;
      alerts::DispatchInputs inputs;
      for (const auto& [id, alert] : firing_) inputs.alerts.push_back(alert);
      alerts::flush(state_, count_.rules, inputs, *now, step);
      for (const auto& message : step.notifications)
        alerts::settle(state_, message.group_key, message.integration, message.sequence);
      sent_ += step.notifications.size();
      for (auto& [key, group] : state_.groups) skip_quiet(group);
    }
    return sent_;
  }

 private:
  [[nodiscard]] std::optional<UtcTime> next_moment() const {
    std::optional<UtcTime> out;
    const auto sooner = [&](UtcTime at) { out = out ? std::min(*out, at) : at; };
    if (next_ < events_.size()) sooner(events_[next_].at);
    for (const auto& [key, group] : state_.groups) {
      sooner(group.next_flush);
      // A muted group stays where its escalation was due.
      if (const auto escalation = escalation_of(group); escalation && *escalation > last_) sooner(*escalation);
    }
    // What was to be said when the range ends is said soon after; repeats are not.
    if (next_ == events_.size() && out && *out > count_.end && !has_ends()) return std::nullopt;
    return out;
  }

  [[nodiscard]] bool has_ends() const {
    return std::any_of(state_.groups.begin(), state_.groups.end(), [](const auto& each) {
      return std::all_of(each.second.alerts.begin(), each.second.alerts.end(), [](const auto& entry) {
        return entry.second.alert.state == AlertState::resolved || entry.second.held_resolve.has_value();
      });
    });
  }

  [[nodiscard]] std::optional<UtcTime> escalation_of(const AlertGroup& group) const {
    const auto* route = count_.rules.tree.find(group.route);
    const auto taken = static_cast<std::size_t>(group.escalated);
    if (route == nullptr || !group.firing_since || taken >= route->escalate.size()) return std::nullopt;
    return *group.firing_since + route->escalate[taken].after;
  }

  std::vector<Alert> take_events(UtcTime now) {
    std::vector<Alert> out;
    for (; next_ < events_.size() && events_[next_].at <= now; ++next_) {
      const auto& alert = events_[next_].alert;
      const auto id = fingerprint(alert.labels);
      if (alert.state == AlertState::firing) {
        firing_[id] = alert;
      } else {
        firing_.erase(id);
      }
      out.push_back(alert);
    }
    return out;
  }

  // Flushes at which nothing can be said are stepped over: an alert may fire for weeks.
  void skip_quiet(AlertGroup& group) const {
    const auto* route = count_.rules.tree.find(group.route);
    if (route == nullptr || group.alerts.empty()) return;
    const Millis interval = std::max(route->group_interval, Millis(1000));
    UtcTime until = next_ < events_.size() ? events_[next_].at : count_.end + interval;
    for (const auto& [id, entry] : group.alerts) {
      if (entry.release_at) until = std::min(until, *entry.release_at);
      const bool told = std::all_of(group.told.begin(), group.told.end(),
                                    [key = id](const auto& each) { return each.second.firing.contains(key); });
      if (!told || group.told.empty()) until = std::min(until, group.next_flush - interval + kQuietLook);
    }
    for (const auto& [id, told] : group.told)
      if (told.last_at) until = std::min(until, *told.last_at + route->repeat_interval);
    if (until <= group.next_flush) return;
    group.next_flush += (until - group.next_flush + interval - Millis(1)) / interval * interval;
  }

  std::vector<Event> events_;
  const MessageCount& count_;
  DispatchState state_;
  std::map<std::uint64_t, Alert> firing_;
  std::size_t next_ = 0, sent_ = 0;
  UtcTime last_ = UtcTime::min();
};

}  // namespace

alerts::DispatchRules default_dispatch() {
  Route root;
  root.receiver = "everyone";
  root.group_by = std::vector<std::string>{"alertname"};
  alerts::DispatchRules out;
  out.tree = alerts::RouteTree(root);
  out.receivers["everyone"].push_back({"everyone", true});
  return out;
}

Result<std::size_t> messages_of(const alerts::CompiledRule& rule, std::span<const RuleEpisode> episodes,
                                const MessageCount& count) {
  return Replay(events_of(rule, episodes), count).run();
}

}  // namespace pgtend::engine
