#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/model/snapshot.hpp"

namespace pgtend::engine {

// A snapshot that history was given and may not show yet, and the one before it of the same collector and database,
// whose series end where this one does not have them. `before` is nullptr for the first, and of a run that left
// something out.
struct Unread {
  SnapshotPtr snapshot, before;
};

// What came since history was last seen to show everything: the rules of a stalled disk read it from here. Bounded: the
// oldest go first.
class UnreadSamples {
 public:
  // Source: 10 MB; five minutes of 8,000 series, which is what a rule looks back without a range.
  static constexpr std::size_t kMostSamples = 250'000;

  void add(const SnapshotPtr& snapshot);
  [[nodiscard]] bool empty() const { return unread_.empty(); }
  // Where were_read() is to stop, if asked for everything that is here now.
  [[nodiscard]] std::uint64_t end() const { return first_ + unread_.size(); }
  void were_read(std::uint64_t until);
  [[nodiscard]] std::vector<Unread> list() const { return {unread_.begin(), unread_.end()}; }

 private:
  void forget_oldest();

  std::deque<Unread> unread_;
  std::uint64_t first_ = 0;  // number of the oldest one, counted from the start
  std::size_t samples_ = 0;
  std::map<std::pair<std::string, std::string>, SnapshotPtr> last_;  // that succeeded, by collector and database
};

}  // namespace pgtend::engine
