#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "agent/model/matcher.hpp"
#include "agent/store/names.hpp"

// Which series are stored, as readers see it; private to agent/store.
namespace pgtend::store {

// A lane holds the blocks of one group of 256 places of one scope.
using GroupId = std::uint32_t;

// Source: 65,536 scopes × 4,096 groups fill the bits that a block's id has for them.
inline constexpr std::uint32_t kMaxScopes = 1 << 16;
inline constexpr std::uint32_t kMaxGroups = 1 << 12;

[[nodiscard]] constexpr GroupId group_of(std::uint32_t scope, std::uint32_t place) {
  return scope << 12 | place >> 8;
}

struct IndexedSeries {
  std::int64_t id = 0;
  NamePtr name;
  MetricKind kind = MetricKind::gauge;
  std::uint32_t scope = 0;
  std::uint32_t place = 0;  // within the scope
  // Ticks of the scope at which the place was this series'; last_seq is open while it is active.
  std::int64_t first_seq = 0;
  std::int64_t last_seq = INT64_MAX;
  // Times of its first and last sample; last_ms is open while it is active.
  std::int64_t first_ms = 0;
  std::int64_t last_ms = INT64_MAX;

  [[nodiscard]] GroupId group() const { return group_of(scope, place); }
  [[nodiscard]] std::uint8_t slot() const { return static_cast<std::uint8_t>(place); }
};
using SeriesPtr = std::shared_ptr<const IndexedSeries>;

// An immutable picture of all series. A successor shares the names that did not change.
class SeriesIndex {
 public:
  // Series that match every matcher, ascending by id. A matcher is evaluated once per distinct value of its label.
  [[nodiscard]] std::vector<SeriesPtr> select(const std::vector<Matcher>& matchers) const;
  [[nodiscard]] std::shared_ptr<const SeriesIndex> with(const std::vector<SeriesPtr>& added,
                                                        const std::vector<SeriesPtr>& removed) const;

 private:
  using OneName = std::vector<SeriesPtr>;  // ascending by id
  std::map<std::string, std::shared_ptr<const OneName>, std::less<>> by_name_;
};

// What the writer shows to readers: swapped after each commit that changed it.
class SharedIndex {
 public:
  struct View {
    std::shared_ptr<const SeriesIndex> index = std::make_shared<SeriesIndex>();
    // Counts files: a reader whose file was replaced opens the new one.
    std::uint64_t generation = 0;
    // There is a file to read.
    bool file = false;
  };
  [[nodiscard]] View view() const {
    const std::lock_guard lock(mutex_);
    return view_;
  }
  void publish(View view) {
    const std::lock_guard lock(mutex_);
    view_ = std::move(view);
  }

 private:
  mutable std::mutex mutex_;
  View view_;
};

}  // namespace pgtend::store
