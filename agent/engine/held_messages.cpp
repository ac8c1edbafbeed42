#include "agent/engine/held_messages.hpp"

#include <algorithm>
#include <utility>

namespace pgtend::engine {

void HeldMessages::add(OutboxMessage message) {
  std::erase_if(held_, [&](const OutboxMessage& older) {
    return older.receiver == message.receiver && older.dedup_key == message.dedup_key;
  });
  held_.push_back(std::move(message));
  if (held_.size() > kMost) drop_one();
}

bool HeldMessages::holds(const OutboxMessage& message) const {
  return std::any_of(held_.begin(), held_.end(), [&](const OutboxMessage& one) {
    return one.receiver == message.receiver && one.dedup_key == message.dedup_key && one.sequence >= message.sequence;
  });
}

void HeldMessages::drop_one() {
  const auto least =
      std::min_element(held_.begin(), held_.end(), [](const auto& a, const auto& b) { return a.urgency < b.urgency; });
  if (least->urgency == Urgency::critical) return;
  ++dropped_[least->receiver];
  held_.erase(least);
}

std::vector<OutboxMessage> HeldMessages::take_due(UtcTime now, const std::set<std::string>& busy) {
  std::vector<OutboxMessage> due;
  std::deque<OutboxMessage> later;
  for (auto& message : std::exchange(held_, {})) {
    if (message.expires_at && *message.expires_at <= now) continue;
    if (message.not_before > now || busy.contains(message.receiver)) {
      later.push_back(std::move(message));
    } else {
      due.push_back(std::move(message));
    }
  }
  held_ = std::move(later);
  return due;
}

}  // namespace pgtend::engine
