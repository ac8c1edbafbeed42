#include "agent/engine/fresh_history.hpp"

#include <algorithm>

namespace pgtend::engine {

std::vector<std::pair<SeriesKey, Sample>> FreshHistory::chosen(const std::vector<Matcher>& matchers,
                                                               TimeRange range) const {
  std::vector<std::pair<SeriesKey, Sample>> out;
  for (const auto& [key, sample] : fresh_) {
    if (sample.time < range.from || sample.time > range.to) continue;
    const auto matches = [&wanted = key](const Matcher& matcher) { return matcher.matches(wanted); };
    if (std::all_of(matchers.begin(), matchers.end(), matches)) out.emplace_back(key, sample);
  }
  return out;
}

Result<std::vector<SeriesData>> FreshHistory::select(const std::vector<Matcher>& matchers, TimeRange range,
                                                     std::size_t max_samples) {
  auto found = below_.select(matchers, range, max_samples);
  if (!found) return found;
  for (auto& [key, sample] : chosen(matchers, range)) {
    auto series = std::find_if(found->begin(), found->end(),
                               [&wanted = key](const SeriesData& one) { return one.key == wanted; });
    if (series == found->end()) series = found->insert(found->end(), {std::move(key), {}, {}, {}});
    auto& samples = series->samples;
    while (!samples.empty() && samples.back().time >= sample.time) samples.pop_back();
    samples.push_back(sample);
    series->falls.reset();
    auto& starts = series->epoch_starts;
    while (!starts.empty() && starts.back() >= samples.size()) starts.pop_back();
  }
  return found;
}

Result<std::vector<SeriesKey>> FreshHistory::series(const std::vector<Matcher>& matchers, TimeRange range) {
  auto found = below_.series(matchers, range);
  if (!found) return found;
  for (auto& [key, sample] : chosen(matchers, range))
    if (std::find(found->begin(), found->end(), key) == found->end()) found->push_back(std::move(key));
  return found;
}

}  // namespace pgtend::engine
