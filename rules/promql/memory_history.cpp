#include "rules/promql/memory_history.hpp"

#include <algorithm>

namespace pgtend::promql {

namespace {

bool matches_all(const SeriesKey& key, const std::vector<Matcher>& matchers) {
  return std::all_of(matchers.begin(), matchers.end(), [&](const Matcher& matcher) { return matcher.matches(key); });
}

bool earlier(const Sample& sample, UtcTime time) {
  return sample.time < time;
}
bool later(UtcTime time, const Sample& sample) {
  return time < sample.time;
}

}  // namespace

Result<void> MemoryHistory::add(SeriesKey key, std::vector<Sample> samples, std::vector<std::size_t> epoch_starts) {
  Stored& stored = series_[std::move(key)];
  const std::size_t base = stored.samples.size();
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const bool advances = i > 0 ? samples[i - 1].time < samples[i].time
                                : stored.samples.empty() || stored.samples.back().time < samples[i].time;
    if (!advances) return fail(Errc::invalid_argument, "samples of a series must be ascending in time");
  }
  for (const std::size_t start : epoch_starts) {
    if (start >= samples.size()) return fail(Errc::invalid_argument, "epoch start is out of range");
  }
  stored.samples.insert(stored.samples.end(), samples.begin(), samples.end());
  for (const std::size_t start : epoch_starts) {
    if (base + start > 0) stored.epoch_starts.push_back(base + start);
  }
  std::sort(stored.epoch_starts.begin(), stored.epoch_starts.end());
  return {};
}

Result<std::vector<SeriesData>> MemoryHistory::select(const std::vector<Matcher>& matchers, TimeRange range,
                                                      std::size_t max_samples) {
  std::vector<SeriesData> out;
  std::size_t total = 0;
  for (const auto& [key, stored] : series_) {
    if (!matches_all(key, matchers)) continue;
    const auto begin = std::lower_bound(stored.samples.begin(), stored.samples.end(), range.from, earlier);
    const auto end = std::upper_bound(begin, stored.samples.end(), range.to, later);
    if (begin == end) continue;
    total += static_cast<std::size_t>(end - begin);
    if (total > max_samples) {
      return fail(Errc::resource_exhausted, "query would load more than " + std::to_string(max_samples) + " samples");
    }
    SeriesData data{key, {begin, end}, {}};
    const auto first = static_cast<std::size_t>(begin - stored.samples.begin());
    for (const std::size_t start : stored.epoch_starts) {
      if (start > first && start < first + data.samples.size()) data.epoch_starts.push_back(start - first);
    }
    out.push_back(std::move(data));
  }
  return out;
}

Result<std::vector<SeriesKey>> MemoryHistory::series(const std::vector<Matcher>& matchers, TimeRange range) {
  std::vector<SeriesKey> out;
  for (const auto& [key, stored] : series_) {
    const auto begin = std::lower_bound(stored.samples.begin(), stored.samples.end(), range.from, earlier);
    if (begin != stored.samples.end() && begin->time <= range.to && matches_all(key, matchers)) out.push_back(key);
  }
  return out;
}

Result<std::vector<ResetEvent>> MemoryHistory::resets(TimeRange range) {
  std::vector<ResetEvent> out;
  for (const auto& [key, stored] : series_) {
    for (const std::size_t start : stored.epoch_starts) {
      const UtcTime at = stored.samples[start].time;
      if (at >= range.from && at <= range.to) out.push_back({key, at});
    }
  }
  return out;
}

Result<std::vector<Gap>> MemoryHistory::gaps(TimeRange range) {
  std::vector<Gap> out;
  for (const auto& gap : gaps_)
    if (gap.range.to >= range.from && gap.range.from <= range.to) out.push_back(gap);
  return out;
}

}  // namespace pgtend::promql
