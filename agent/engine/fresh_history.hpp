#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/engine/unread_samples.hpp"
#include "agent/model/history.hpp"

namespace pgtend::engine {

// A history with samples on top of it that are not written yet: what the rules of a group recorded a moment ago, which
// the rules after them read, and what came while the disk stalled. One thread, as the history below.
class FreshHistory final : public HistoryReader {
 public:
  // `unread`: what the history does not show yet, oldest first.
  explicit FreshHistory(HistoryReader& below, std::vector<Unread> unread = {})
      : below_(below), unread_(std::move(unread)) {}

  // The newest sample of a series; a stale marker says that it ended.
  void put(SeriesKey key, Sample sample);

  Result<std::vector<SeriesData>> select(const std::vector<Matcher>& matchers, TimeRange range,
                                         std::size_t max_samples) override;
  Result<std::vector<SeriesKey>> series(const std::vector<Matcher>& matchers, TimeRange range) override;
  Result<std::vector<ResetEvent>> resets(TimeRange range) override { return below_.resets(range); }
  Result<std::vector<Gap>> gaps(TimeRange range) override { return below_.gaps(range); }
  void hint(const ReadHints& hints) override { below_.hint(hints); }

 private:
  using Samples = std::map<SeriesKey, std::vector<Sample>>;
  [[nodiscard]] Samples chosen(const std::vector<Matcher>& matchers, TimeRange range);
  // Takes the unread samples of one metric, which are few of them; nullptr: of all.
  void take_unread(const std::string* name);
  void take(const Unread& unread, const std::string* name);

  HistoryReader& below_;
  std::vector<Unread> unread_;
  std::set<std::string> taken_;  // metrics of which the unread samples are among the fresh
  Samples fresh_;
};

}  // namespace pgtend::engine
