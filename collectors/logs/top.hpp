#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

namespace pgtend::logs {

// Counts by key for the keys that weigh most, and for all the others together. A key that has its own counts keeps them
// until another one weighs twice as much; counts only grow, and a key that comes back begins anew. Bounded: `shown`
// keys with counts, and `watched`, which are more, with a weight.
template <class Key, class Counts>
class Top {
 public:
  Top(std::size_t shown, std::size_t watched) : shown_(shown), watched_(watched) {}

  struct Row {
    Counts counts{};
    std::uint64_t turn = 0;  // differs each time that the key begins anew
  };

  // Where to count something of this weight.
  Counts& at(const Key& key, double weight) {
    const double weighs = watch(key, weight);
    const auto own = rows_.find(key);
    if (own != rows_.end()) return own->second.counts;
    if (rows_.size() >= shown_) {
      const auto least = std::min_element(rows_.begin(), rows_.end(), [this](const auto& a, const auto& b) {
        return weight_of(a.first) < weight_of(b.first);
      });
      if (weighs < 2 * weight_of(least->first)) return other_;
      rows_.erase(least);
    }
    auto& row = rows_[key];
    row.turn = ++turns_;
    return row.counts;
  }

  [[nodiscard]] const std::map<Key, Row>& rows() const { return rows_; }
  [[nodiscard]] const Counts& other() const { return other_; }

 private:
  [[nodiscard]] double weight_of(const Key& key) const {
    const auto found = weights_.find(key);
    return found == weights_.end() ? 0 : found->second;
  }

  // As much as the key weighs now. What was heavy long ago is not for ever: all weights are halved now and then.
  double watch(const Key& key, double weight) {
    if (++events_ % kHalving == 0)
      for (auto& [name, value] : weights_) value /= 2;
    if (!weights_.contains(key) && weights_.size() >= watched_) forget_least();
    return weights_[key] += weight;
  }

  // Of those without counts of their own.
  void forget_least() {
    auto least = weights_.end();
    for (auto it = weights_.begin(); it != weights_.end(); ++it)
      if (!rows_.contains(it->first) && (least == weights_.end() || it->second < least->second)) least = it;
    if (least != weights_.end()) weights_.erase(least);
  }

  static constexpr std::uint64_t kHalving = 1'000;

  std::size_t shown_, watched_;
  std::uint64_t turns_ = 0, events_ = 0;
  std::map<Key, Row> rows_;
  std::map<Key, double> weights_;
  Counts other_{};
};

}  // namespace pgtend::logs
