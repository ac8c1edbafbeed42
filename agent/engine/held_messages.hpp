#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/model/alert.hpp"

namespace pgtend::engine {

// Messages that the ledger could not take, in the order in which they were made. A newer one takes the place of an
// older one of its receiver and key. Bounded: what is too much goes by urgency, the oldest of the least urgent first;
// critical ones stay, of which there are as many as groups and receivers.
class HeldMessages {
 public:
  // Source: 100 alerts to ten receivers.
  static constexpr std::size_t kMost = 1'000;

  void add(OutboxMessage message);
  // Those whose time has come and whose receiver is not busy, which are then no longer held; what expired goes.
  [[nodiscard]] std::vector<OutboxMessage> take_due(UtcTime now, const std::set<std::string>& busy = {});
  // Whether it has this message, or one that took its place.
  [[nodiscard]] bool holds(const OutboxMessage& message) const;
  [[nodiscard]] std::size_t size() const { return held_.size(); }
  // How many had to go for want of room since the agent started, by receiver.
  [[nodiscard]] const std::map<std::string, std::int64_t>& dropped() const { return dropped_; }

 private:
  void drop_one();

  std::deque<OutboxMessage> held_;
  std::map<std::string, std::int64_t> dropped_;
};

}  // namespace pgtend::engine
