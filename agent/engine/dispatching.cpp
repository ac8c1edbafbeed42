#include "agent/engine/dispatching.hpp"

#include <random>

#include "agent/store/sha256.hpp"
#include "alerts/digest.hpp"
#include "alerts/message.hpp"

namespace pgtend::engine {

namespace {

// Source: alerting reference 4.2: full jitter, base 1 s, cap 5 min, no limit of attempts while the alert fires, a day
// after it resolved.
constexpr std::int64_t kRetryBaseMs = 1'000;
constexpr std::int64_t kRetryCapMs = 300'000;
constexpr Millis kResolvedTtl{24LL * 3'600'000};

bool any_firing(const Notification& notification) {
  for (const auto& entry : notification.alerts)
    if (entry.alert.state == AlertState::firing) return true;
  return false;
}

}  // namespace

std::string dedup_key(const std::string& instance, const std::string& group_key) {
  return store::sha256_hex(instance + "\n" + group_key);
}

UtcTime retry_at(UtcTime now, int attempts, std::optional<Millis> retry_after, std::uint64_t seed) {
  const std::int64_t ceiling = std::min(kRetryCapMs, kRetryBaseMs << std::min(attempts, 9));
  // Each attempt draws anew: one short draw must not make every wait of its message short.
  std::mt19937_64 random(seed + static_cast<std::uint64_t>(attempts));
  const Millis pause(std::uniform_int_distribution<std::int64_t>(0, ceiling)(random));
  return now + std::max(pause, retry_after.value_or(Millis(0)));
}

OutboxMessage outbox_message(const Notification& notification, const std::string& instance, UtcTime now) {
  OutboxMessage out;
  out.receiver = notification.integration;
  out.group_key = notification.group_key;
  out.dedup_key = dedup_key(instance, notification.group_key);
  const bool firing = any_firing(notification);
  out.kind = firing ? "firing" : "resolved";
  out.sequence = notification.sequence;
  out.urgency = alerts::urgency_of(notification);
  out.created_at = out.not_before = now;
  if (!firing) out.expires_at = now + kResolvedTtl;
  return out;
}

DispatchPlan plan_dispatch(const DispatchState& now_state, const alerts::DispatchRules& rules,
                           const alerts::DispatchInputs& inputs, const std::vector<Alert>& changed,
                           const Render& render, UtcTime now) {
  DispatchPlan plan;
  plan.next = now_state;
  alerts::DispatchStep step;
  alerts::admit(plan.next, rules, inputs, changed, now, step);
  alerts::flush(plan.next, rules, inputs, now, step);
  for (const auto& notification : step.notifications) plan.outgoing.push_back(render(notification));
  for (const auto& key : step.touched) {
    const auto group = plan.next.groups.find(key);
    if (group == plan.next.groups.end()) {
      plan.change.ended.push_back(key);
    } else {
      plan.change.saved.push_back(group->second);
    }
  }
  if (!step.touched.empty()) {
    plan.change.flaps = plan.next.flaps;
    // 0 would mean that nothing changed.
    plan.change.sequence = plan.next.sequence = std::max<std::int64_t>(plan.next.sequence, 1);
  }
  return plan;
}

std::optional<DispatchPlan> plan_digest(const DispatchState& now_state, const std::string& receiver,
                                        const std::string& integration, const std::vector<OutboxMessage>& queued,
                                        const Render& render) {
  std::set<std::int64_t> waiting;
  for (const auto& message : queued)
    if (message.receiver == integration && message.sequence > 0) waiting.insert(message.sequence);
  DispatchPlan plan;
  plan.next = now_state;
  alerts::DispatchStep step;
  const auto digest = alerts::combine(plan.next, receiver, integration, waiting, step);
  if (!digest) return std::nullopt;
  auto message = render(*digest);
  message.kind = alerts::kDigest;
  plan.outgoing.push_back(std::move(message));
  for (const auto& key : step.touched) plan.change.saved.push_back(plan.next.groups.at(key));
  plan.change.flaps = plan.next.flaps;
  plan.change.sequence = plan.next.sequence;
  return plan;
}

std::vector<NotifiedAlert> unsent_of(const DispatchState& state, const OutboxMessage& message) {
  const bool digest = message.kind == alerts::kDigest;
  std::vector<NotifiedAlert> out;
  for (const auto& [key, group] : state.groups) {
    const auto told = group.told.find(message.receiver);
    if (told == group.told.end() || (digest ? told->second.sequence != message.sequence : key != message.group_key))
      continue;
    for (const auto& [id, entry] : told->second.unsent) out.push_back(entry);
  }
  return out;
}

std::optional<store::DispatchChange> plan_settle(DispatchState& state, const OutboxMessage& message) {
  if (message.kind == alerts::kDigest) {
    const auto keys = alerts::settle_digest(state, message.receiver, message.sequence);
    if (keys.empty()) return std::nullopt;
    store::DispatchChange change;
    for (const auto& key : keys) change.saved.push_back(state.groups.at(key));
    return change;
  }
  if (!alerts::settle(state, message.group_key, message.receiver, message.sequence)) return std::nullopt;
  store::DispatchChange change;
  change.saved.push_back(state.groups.at(message.group_key));
  return change;
}

}  // namespace pgtend::engine
