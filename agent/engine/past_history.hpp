#pragma once

#include <algorithm>

#include "agent/model/history.hpp"

namespace pgtend::engine {

// A history as it was at a moment: what was sampled later is not there. Serves the thread of the one it reads from,
// which outlives it.
class PastHistory final : public HistoryReader {
 public:
  PastHistory(HistoryReader& whole, UtcTime at) : whole_(whole), at_(at) {}

  Result<std::vector<SeriesData>> select(const std::vector<Matcher>& matchers, TimeRange range,
                                         std::size_t max_samples) override {
    if (range.from > at_) return std::vector<SeriesData>();
    return whole_.select(matchers, cut(range), max_samples);
  }
  Result<std::vector<SeriesKey>> series(const std::vector<Matcher>& matchers, TimeRange range) override {
    if (range.from > at_) return std::vector<SeriesKey>();
    return whole_.series(matchers, cut(range));
  }
  Result<std::vector<ResetEvent>> resets(TimeRange range) override {
    if (range.from > at_) return std::vector<ResetEvent>();
    return whole_.resets(cut(range));
  }
  Result<std::vector<Gap>> gaps(TimeRange range) override {
    if (range.from > at_) return std::vector<Gap>();
    return whole_.gaps(cut(range));
  }
  void hint(const ReadHints& hints) override { whole_.hint(hints); }

 private:
  [[nodiscard]] TimeRange cut(TimeRange range) const { return {range.from, std::min(range.to, at_)}; }

  HistoryReader& whole_;
  UtcTime at_;
};

}  // namespace pgtend::engine
