#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/model/matcher.hpp"
#include "agent/model/series.hpp"
#include "agent/model/snapshot.hpp"

namespace pgtend {

struct TimeRange {
  UtcTime from;  // inclusive
  UtcTime to;    // inclusive
};

// One series out of history, samples ascending in time, stale markers included.
struct SeriesData {
  SeriesKey key;
  std::vector<Sample> samples;
  // Indexes into samples (ascending, never 0) at which a new reset epoch begins: no rate may cross them.
  std::vector<std::size_t> epoch_starts;
  // Indexes of the samples below the one before them, ascending, from a reader that knows that no sample is a stale
  // marker. nullopt: whoever wants to know looks.
  std::optional<std::vector<std::size_t>> falls;
};

struct ResetEvent {
  SeriesKey key;
  UtcTime at;  // time of the first sample of the new epoch
};

// A stretch in which a collector gave nothing.
struct Gap {
  std::string collector;
  std::string database;
  TimeRange range;
  std::string reason;  // CollectStatus name, "agent_down" or "clock_step"
};

// What a reader may do to answer cheaper or fuller.
struct ReadHints {
  // How far apart samples may lie: where a coarser copy of that width or less is stored, it may answer. 0: no copy,
  // except where nothing finer is kept any more.
  Millis resolution{0};
  // What one sample of a coarse copy of a gauge stands for. Counters always give their last value.
  enum class Take { mean, least, greatest } take = Take::mean;
  // Only the last sample up to each of the moments first, first + every, … is wanted; others may be left out. 0: all
  // are wanted.
  Millis every{0};
  UtcTime first{};
  // Samples that a later pass of the wall clock hides, too: after it went back, the newer pass wins where both are.
  bool every_pass = false;
  // False: stale markers may be left out.
  bool stale_markers = true;
};

// Reads stored samples. One object serves one thread at a time.
class HistoryReader {
 public:
  virtual ~HistoryReader() = default;
  // Series that match every matcher and have a sample in the range.
  // Errors: resource_exhausted when more than max_samples would be returned; io or corrupt from the file. Retryable:
  // io.
  virtual Result<std::vector<SeriesData>> select(const std::vector<Matcher>& matchers, TimeRange range,
                                                 std::size_t max_samples) = 0;
  // Only the keys; same errors.
  virtual Result<std::vector<SeriesKey>> series(const std::vector<Matcher>& matchers, TimeRange range) = 0;
  virtual Result<std::vector<ResetEvent>> resets(TimeRange range) = 0;
  virtual Result<std::vector<Gap>> gaps(TimeRange range) = 0;
  // Holds for the calls that follow. A reader without coarse copies ignores it.
  virtual void hint(const ReadHints& /*hints*/) {}
};

// Takes snapshots and stores them off the caller's thread, batched.
class HistoryWriter {
 public:
  virtual ~HistoryWriter() = default;
  // Never blocks; any thread. Errors: resource_exhausted when the bounded queue is full (the snapshot is dropped and
  // counted), unavailable when the file cannot be written. Not retryable: the next snapshot supersedes.
  virtual Result<void> append(SnapshotPtr snapshot) = 0;
  // Blocks until everything appended so far is committed. Errors: io, timeout.
  virtual Result<void> flush() = 0;
};

}  // namespace pgtend
