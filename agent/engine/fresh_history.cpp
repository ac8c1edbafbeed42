#include "agent/engine/fresh_history.hpp"

#include <algorithm>

namespace pgtend::engine {

namespace {

void append(std::vector<Sample>& samples, Sample sample) {
  while (!samples.empty() && samples.back().time >= sample.time) samples.pop_back();
  samples.push_back(sample);
}

// The metric that all chosen series have; nullptr: they may have any.
const std::string* name_of(const std::vector<Matcher>& matchers) {
  const auto names = [](const Matcher& one) { return one.label() == "__name__" && one.op() == MatchOp::equal; };
  const auto found = std::find_if(matchers.begin(), matchers.end(), names);
  return found == matchers.end() ? nullptr : &found->value();
}

}  // namespace

void FreshHistory::put(SeriesKey key, Sample sample) {
  take_unread(&key.name);
  append(fresh_[std::move(key)], sample);
}

void FreshHistory::take_unread(const std::string* name) {
  if (unread_.empty() || (name != nullptr && taken_.contains(*name))) return;
  for (const auto& each : unread_) take(each, name);
  if (name != nullptr) {
    taken_.insert(*name);
  } else {
    unread_.clear();
  }
}

void FreshHistory::take(const Unread& unread, const std::string* name) {
  const auto& now = *unread.snapshot;
  const auto is_wanted = [&](const SeriesSample& sample) {
    return name != nullptr ? sample.key->name == *name : !taken_.contains(sample.key->name);
  };
  for (const auto& sample : now.samples)
    if (is_wanted(sample)) append(fresh_[*sample.key], {now.taken_at, sample.value});
  if (unread.before == nullptr || now.status != CollectStatus::ok) return;
  for (const auto& sample : unread.before->samples) {
    if (!is_wanted(sample)) continue;
    auto& samples = fresh_[*sample.key];
    if (samples.empty() || samples.back().time < now.taken_at) samples.push_back({now.taken_at, stale_marker()});
  }
}

FreshHistory::Samples FreshHistory::chosen(const std::vector<Matcher>& matchers, TimeRange range) {
  Samples out;
  const auto* name = name_of(matchers);
  take_unread(name);
  for (auto it = name == nullptr ? fresh_.begin() : fresh_.lower_bound({*name, {}}); it != fresh_.end(); ++it) {
    if (name != nullptr && it->first.name != *name) break;
    const auto matches = [&wanted = it->first](const Matcher& matcher) { return matcher.matches(wanted); };
    if (!std::all_of(matchers.begin(), matchers.end(), matches)) continue;
    std::vector<Sample> within;
    for (const auto& sample : it->second)
      if (sample.time >= range.from && sample.time <= range.to) within.push_back(sample);
    if (!within.empty()) out.emplace(it->first, std::move(within));
  }
  return out;
}

Result<std::vector<SeriesData>> FreshHistory::select(const std::vector<Matcher>& matchers, TimeRange range,
                                                     std::size_t max_samples) {
  auto found = below_.select(matchers, range, max_samples);
  if (!found) return found;
  auto fresh = chosen(matchers, range);
  if (fresh.empty()) return found;
  const auto add = [](SeriesData* series, const std::vector<Sample>& newer) {
    auto& samples = series->samples;
    while (!samples.empty() && samples.back().time >= newer.front().time) samples.pop_back();
    samples.insert(samples.end(), newer.begin(), newer.end());
    series->falls.reset();
    auto& starts = series->epoch_starts;
    while (!starts.empty() && starts.back() > samples.size() - newer.size()) starts.pop_back();
  };
  for (auto& series : *found) {
    const auto newer = fresh.find(series.key);
    if (newer == fresh.end()) continue;
    add(&series, newer->second);
    fresh.erase(newer);
  }
  for (auto& [key, samples] : fresh) {
    found->push_back({key, {}, {}, {}});
    add(&found->back(), samples);
  }
  return found;
}

Result<std::vector<SeriesKey>> FreshHistory::series(const std::vector<Matcher>& matchers, TimeRange range) {
  auto found = below_.series(matchers, range);
  if (!found) return found;
  for (const auto& [key, samples] : chosen(matchers, range))
    if (std::find(found->begin(), found->end(), key) == found->end()) found->push_back(key);
  return found;
}

}  // namespace pgtend::engine
