#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/model/history.hpp"
#include "agent/store/codec/column.hpp"
#include "agent/store/series_index.hpp"

// The newest ticks in memory, shared by the writer and all readers; private to agent/store.
namespace pgtend::store {

// Columns that get no more samples and wait to be encoded and written.
struct Frozen {
  GroupId group = 0;
  std::int64_t first_seq = 0;
  std::vector<std::int64_t> times;  // of its ticks, ms
  std::vector<codec::Column> columns;
  std::vector<codec::EpochStart> starts;
  std::vector<MetricKind> kinds;  // by slot
  std::int64_t samples = 0;
};

// The newest block of a group stays in memory after it was written: rules look back over it without a disk read.
struct RecentBlock {
  std::int64_t first_seq = 0;
  std::vector<std::int64_t> times;
  std::string data;
};

struct HeadGroup {
  std::int64_t first_seq = 0;          // of the open columns
  std::vector<codec::Column> columns;  // by slot
  std::vector<codec::EpochStart> starts;
  std::int64_t samples = 0;
  std::deque<std::shared_ptr<const Frozen>> frozen;  // ascending by first_seq
  std::shared_ptr<const RecentBlock> recent;
};

struct HeadScope {
  std::int64_t times_from = 0;     // seq of times.front()
  std::deque<std::int64_t> times;  // ms, of all ticks that an open column or an unfinished tick chunk may have
  std::vector<HeadGroup> groups;   // by place / 256

  [[nodiscard]] std::int64_t time_of(std::int64_t seq) const {
    return times[static_cast<std::size_t>(seq - times_from)];
  }
  [[nodiscard]] std::int64_t next_seq() const { return times_from + static_cast<std::int64_t>(times.size()); }
};

// What memory holds of one group, taken at one moment. What is older lies in blocks with number < before_seq.
struct GroupPicture {
  std::int64_t before_seq = 0;
  // Time of the oldest tick in memory, ms; INT64_MAX when there is none.
  std::int64_t from_ms = INT64_MAX;
  std::shared_ptr<const RecentBlock> recent;
  std::vector<std::shared_ptr<const Frozen>> frozen;
  // Times of the ticks that may not be in the file's chunks yet.
  std::int64_t times_from = 0;
  std::vector<std::int64_t> times;
};

// Samples of one series in order of ticks, with the indexes at which an epoch begins (0 is possible).
struct TickedSamples {
  std::vector<Sample> samples;
  std::vector<std::size_t> starts;
  // What is known of them from where their values change, so that nobody looks at each of them: indexes of those below
  // the one before, whether these are all and no sample is a stale marker, and whether their times go up.
  std::vector<std::size_t> falls;
  bool falls_told = true;
  bool ascending = true;

  // Notes that samples with the time and value of `next` and later are added now.
  void join(const Sample& next) {
    if (samples.empty()) return;
    ascending = ascending && samples.back().time < next.time;
    if (next.value < samples.back().value) falls.push_back(samples.size());
  }
};

// The ticks of one block as a query sees them, the same for all its series.
class TickView {
 public:
  // `times`: of the block's ticks, from the one with the number `first_seq` on; it must outlive the view.
  TickView(std::span<const std::int64_t> times, std::int64_t first_seq, std::span<const codec::EpochStart> starts,
           TimeRange range, const ReadHints& hints);

  // Adds the samples of `column` within the range that belong to `series`. Where the hints want only the last one up to
  // each moment, a sample takes the place of the one before it.
  void add(const codec::Column& column, const IndexedSeries& series, TickedSamples& out) const;

 private:
  struct Stretch;
  void add_run(Stretch& stretch, std::size_t from, std::size_t to) const;
  void add_all(Stretch& stretch, std::size_t from, std::size_t to) const;
  [[nodiscard]] std::int64_t moment(std::int64_t ms) const;

  const std::span<const std::int64_t> times_;
  const std::int64_t first_seq_;
  const std::span<const codec::EpochStart> starts_;
  const std::int64_t first_ms_, every_;
  const bool stale_markers_;
  // Parts of the block whose times lie in the range, ascending and not empty; ticks [from, to). Times go up within one.
  struct Part {
    std::size_t from, to;
  };
  std::vector<Part> parts_;
  // Of each tick the last one of the same part that counts for the same moment; empty when all are wanted.
  std::vector<std::uint8_t> last_;
};

class Head {
 public:
  // Guards everything below. The writer holds it for one snapshot at a time, a reader for one group.
  [[nodiscard]] std::mutex& mutex() const { return mutex_; }
  std::unordered_map<std::uint32_t, HeadScope> scopes;

  // Takes the picture of a group and adds the open samples of `wanted` (all of this group) to `out` (same order); they
  // are newer than all the picture holds. Takes the mutex.
  GroupPicture read(GroupId group, std::span<const SeriesPtr> wanted, TimeRange range, const ReadHints& hints,
                    std::span<TickedSamples> out) const;

 private:
  mutable std::mutex mutex_;
};

}  // namespace pgtend::store
