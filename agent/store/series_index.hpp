#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model/matcher.hpp"
#include "agent/model/series.hpp"

// Which series are stored; private to agent/store.
namespace pgtend::store {

struct IndexedSeries {
  std::int64_t id = 0;
  SeriesKey key;
  MetricKind kind = MetricKind::gauge;
};
using SeriesPtr = std::shared_ptr<const IndexedSeries>;

// An immutable picture of all series. A successor shares the names that did not change.
class SeriesIndex {
 public:
  // Series that match every matcher, ascending by id.
  [[nodiscard]] std::vector<SeriesPtr> select(const std::vector<Matcher>& matchers) const;
  [[nodiscard]] std::shared_ptr<const SeriesIndex> with(const std::vector<SeriesPtr>& added,
                                                        const std::vector<SeriesPtr>& removed) const;

 private:
  using OneName = std::vector<SeriesPtr>;
  std::map<std::string, std::shared_ptr<const OneName>, std::less<>> by_name_;
};

// What the writer shows to readers: swapped after each commit that changed it.
class SharedIndex {
 public:
  struct View {
    std::shared_ptr<const SeriesIndex> index = std::make_shared<SeriesIndex>();
    // Counts files: a reader whose file was replaced opens the new one.
    std::uint64_t generation = 0;
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

// The labels as JSON object text, and back; a text that does not parse gives no labels.
[[nodiscard]] std::string labels_to_text(const Labels& labels);
[[nodiscard]] Labels labels_from_text(std::string_view text);

}  // namespace pgtend::store
