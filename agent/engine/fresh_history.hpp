#pragma once

#include <map>
#include <utility>
#include <vector>

#include "agent/model/history.hpp"

namespace pgtend::engine {

// A history with samples on top of it that are not written yet: what the rules of a group recorded a moment ago, which
// the rules after them read. One thread, as the history below.
class FreshHistory final : public HistoryReader {
 public:
  explicit FreshHistory(HistoryReader& below) : below_(below) {}

  // The newest sample of a series; a stale marker says that it ended.
  void put(SeriesKey key, Sample sample) { fresh_[std::move(key)] = sample; }

  Result<std::vector<SeriesData>> select(const std::vector<Matcher>& matchers, TimeRange range,
                                         std::size_t max_samples) override;
  Result<std::vector<SeriesKey>> series(const std::vector<Matcher>& matchers, TimeRange range) override;
  Result<std::vector<ResetEvent>> resets(TimeRange range) override { return below_.resets(range); }
  Result<std::vector<Gap>> gaps(TimeRange range) override { return below_.gaps(range); }
  void hint(const ReadHints& hints) override { below_.hint(hints); }

 private:
  [[nodiscard]] std::vector<std::pair<SeriesKey, Sample>> chosen(const std::vector<Matcher>& matchers,
                                                                 TimeRange range) const;

  HistoryReader& below_;
  std::map<SeriesKey, Sample> fresh_;
};

}  // namespace pgtend::engine
