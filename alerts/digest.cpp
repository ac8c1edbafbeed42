#include "alerts/digest.hpp"

#include "alerts/message_order.hpp"

namespace pgtend::alerts {

std::optional<Notification> combine(DispatchState& state, const std::string& receiver, const std::string& integration,
                                    const std::set<std::int64_t>& waiting, DispatchStep& step) {
  std::vector<AlertGroup*> groups;
  std::set<std::int64_t> found;
  for (auto& [key, group] : state.groups) {
    const auto told = group.told.find(integration);
    if (told == group.told.end() || told->second.unsent.empty() || !waiting.contains(told->second.sequence)) continue;
    groups.push_back(&group);
    found.insert(told->second.sequence);
  }
  // A digest that waits alone says it all already: another in its place would only wait longer.
  if (waiting.size() < 2 || groups.size() < 2 || found != waiting) return std::nullopt;
  // An alert may be in two groups of one receiver; what was said last of it counts.
  std::map<std::uint64_t, std::pair<std::int64_t, const NotifiedAlert*>> newest;
  for (const auto* group : groups) {
    const auto& told = group->told.at(integration);
    for (const auto& [id, entry] : told.unsent) {
      auto& kept = newest[id];
      if (kept.second == nullptr || kept.first < told.sequence) kept = {told.sequence, &entry};
    }
  }
  std::map<std::uint64_t, NotifiedAlert> content;
  for (const auto& [id, entry] : newest) content.emplace(id, *entry.second);
  Notification out;
  out.receiver = receiver;
  out.integration = integration;
  out.group_key = kDigestKey;
  out.sequence = ++state.sequence;
  out.alerts = in_order(content, out.truncated);
  out.reason =
      out.alerts.front().alert.state == AlertState::firing ? NotificationReason::firing : NotificationReason::resolved;
  out.alerts.front().alert.facts.acts.push_back("tells " + std::to_string(groups.size()) +
                                                " messages in one: the receiver takes no more at a time");
  for (auto* group : groups) {
    group->told.at(integration).sequence = out.sequence;
    step.touched.insert(group->key);
  }
  return out;
}

std::set<std::string> settle_digest(DispatchState& state, const std::string& integration, std::int64_t sequence) {
  std::set<std::string> out;
  for (const auto& [key, group] : state.groups) {
    const auto told = group.told.find(integration);
    if (told != group.told.end() && told->second.sequence == sequence) out.insert(key);
  }
  std::erase_if(out, [&](const std::string& key) { return !settle(state, key, integration, sequence); });
  return out;
}

}  // namespace pgtend::alerts
