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
  const Labels* intern(Labels labels) { return &*sets_.insert(std::move(labels)).first; }

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
  struct Hash {
    std::size_t operator()(const Labels& labels) const { return static_cast<std::size_t>(fingerprint(labels)); }
    std::size_t operator()(const std::pair<const void*, const Labels*>& key) const {
      return std::hash<const void*>{}(key.first) * 31 + std::hash<const void*>{}(key.second);
    }
  };
  std::unordered_set<Labels, Hash> sets_;
  std::unordered_map<std::pair<const void*, const Labels*>, const Labels*, Hash> derived_;
};

}  // namespace pgtend::promql
