#pragma once

#include <map>
#include <vector>

#include "agent/model/history.hpp"

namespace pgtend::promql {

// A history that lives in memory: for unit tests and the rule-test runner.
class MemoryHistory final : public HistoryReader {
 public:
  // Adds samples (ascending in time) to a series. `epoch_starts`: indexes into these samples, 0 allowed when the series
  // already has samples. Errors: invalid_argument when time does not advance or an index is out of range.
  Result<void> add(SeriesKey key, std::vector<Sample> samples, std::vector<std::size_t> epoch_starts = {});
  void add_gap(Gap gap) { gaps_.push_back(std::move(gap)); }
  void clear() { series_.clear(); }

  Result<std::vector<SeriesData>> select(const std::vector<Matcher>& matchers, TimeRange range,
                                         std::size_t max_samples) override;
  Result<std::vector<SeriesKey>> series(const std::vector<Matcher>& matchers, TimeRange range) override;
  Result<std::vector<ResetEvent>> resets(TimeRange range) override;
  Result<std::vector<Gap>> gaps(TimeRange range) override;

 private:
  struct Stored {
    std::vector<Sample> samples;
    std::vector<std::size_t> epoch_starts;
  };
  std::map<SeriesKey, Stored> series_;
  std::vector<Gap> gaps_;
};

}  // namespace pgtend::promql
