#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/model/series.hpp"

// Names of series as lists of interned label pairs; private to agent/store.
namespace pgtend::store {

inline constexpr std::string_view kNameLabel = "__name__";

struct LabelPair {
  std::int64_t id = 0;
  std::string name;
  std::string value;
};
using PairPtr = std::shared_ptr<const LabelPair>;

// Immutable, so that readers may keep it. The first pair is the metric name under kNameLabel.
struct SeriesName {
  std::vector<PairPtr> pairs;

  [[nodiscard]] const std::string& metric() const { return pairs.front()->value; }
  // Empty when absent.
  [[nodiscard]] std::string_view get(std::string_view label) const;
  [[nodiscard]] SeriesKey key() const;
  [[nodiscard]] bool is(const SeriesKey& key) const;
};
using NamePtr = std::shared_ptr<const SeriesName>;

// The pairs in use, each once. Store thread only.
class Names {
 public:
  // The name of `key`, whose texts are UTF-8. Pairs that were not there yet get the next ids and are added to `fresh`.
  NamePtr make(const SeriesKey& key, std::vector<PairPtr>& fresh);
  // A pair as the file has it; one with an impossible id is not taken.
  void load(std::int64_t id, std::string name, std::string value);
  // The id of a pair that cannot be read, but that names may go on to mean: it is given to no other.
  void reserve(std::int64_t id);
  // The name of pairs that were loaded; nullptr when an id is unknown, or the first is no metric name.
  [[nodiscard]] NamePtr of_ids(const std::vector<std::int64_t>& ids) const;
  // Forgets pairs that no name uses any more and returns their ids.
  std::vector<std::int64_t> sweep();
  // Every pair, for writing a new file.
  [[nodiscard]] std::vector<PairPtr> all() const;

 private:
  struct Hash {
    std::size_t operator()(const PairPtr& pair) const { return of(pair->name, pair->value); }
    std::size_t operator()(const std::pair<std::string_view, std::string_view>& p) const {
      return of(p.first, p.second);
    }
    using is_transparent = void;
    static std::size_t of(std::string_view a, std::string_view b) {
      return std::hash<std::string_view>()(a) * 31 + std::hash<std::string_view>()(b);
    }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const PairPtr& a, const PairPtr& b) const { return a->name == b->name && a->value == b->value; }
    bool operator()(const std::pair<std::string_view, std::string_view>& a, const PairPtr& b) const {
      return a.first == b->name && a.second == b->value;
    }
    bool operator()(const PairPtr& a, const std::pair<std::string_view, std::string_view>& b) const {
      return (*this)(b, a);
    }
  };
  PairPtr pair(std::string_view name, std::string_view value, std::vector<PairPtr>& fresh);

  std::unordered_map<std::int64_t, PairPtr> by_id_;
  std::unordered_map<PairPtr, bool, Hash, Equal> known_;
  std::int64_t next_id_ = 1;
};

// The text with every byte that is not part of UTF-8 replaced by U+FFFD: PostgreSQL names need not be UTF-8
// (SQL_ASCII).
[[nodiscard]] std::string as_utf8(std::string_view text);
[[nodiscard]] bool is_utf8(std::string_view text);
[[nodiscard]] bool is_utf8(const SeriesKey& key);
[[nodiscard]] SeriesKey as_utf8(const SeriesKey& key);

}  // namespace pgtend::store
