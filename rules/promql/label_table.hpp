#pragma once

#include <functional>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "agent/model/series.hpp"

namespace pgtend::promql {

// Every label set of one query, each once: equal sets have equal addresses, and a set derived by the same rule from the
// same source is computed once for all steps.
class LabelTable {
 public:
  const Labels* intern(Labels labels) {
    const auto [set, added] = sets_.insert(std::move(labels));
    if (added) bytes_ += size_of(*set);
    return &*set;
  }
  // Of all sets, about: texts and what keeps them.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  // The set that `make(*from)` gives; `rule` identifies make (the address of the node that asks).
  template <class Make>
  const Labels* derive(const void* rule, const Labels* from, Make make) {
    const Labels*& made = derived_[{rule, from}];
    if (made == nullptr) made = intern(make(*from));
    return made;
  }

  const Labels* without_name(const Labels* from) {
    return derive(this, from, [](Labels labels) {
      labels.erase("__name__");
      return labels;
    });
  }

 private:
  static std::size_t size_of(const Labels& labels) {
    // Node, hash entries and shared vector of a set.
    constexpr std::size_t kSet = 160;
    std::size_t out = kSet;
    for (const auto& [name, value] : labels) out += sizeof(Label) + name.size() + value.size();
    return out;
  }

  struct Hash {
    std::size_t operator()(const Labels& labels) const { return static_cast<std::size_t>(fingerprint(labels)); }
    std::size_t operator()(const std::pair<const void*, const Labels*>& key) const {
      return std::hash<const void*>{}(key.first) * 31 + std::hash<const void*>{}(key.second);
    }
  };
  std::unordered_set<Labels, Hash> sets_;
  std::size_t bytes_ = 0;
  std::unordered_map<std::pair<const void*, const Labels*>, const Labels*, Hash> derived_;
};

}  // namespace pgtend::promql
