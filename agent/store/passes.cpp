#include "agent/store/passes.hpp"

#include <algorithm>

namespace pgtend::store {

namespace {

// Samples farther apart than this and than three steps have a gap between them, which hides nothing.
// Source: the time over which PromQL looks back for a sample.
constexpr Millis kGap{300'000};

struct Marked {
  Sample sample;
  bool starts = false;
  std::size_t pass = 0;
};

Millis gap_of(const std::vector<Marked>& samples) {
  Millis step = Millis::max();
  for (std::size_t i = 1; i < samples.size(); ++i)
    step = std::min(step, samples[i].sample.time - samples[i - 1].sample.time);
  return samples.size() < 2 ? kGap : std::max(kGap, step * 3);
}

bool earlier(const Marked& a, const Marked& b) {
  return a.sample.time < b.sample.time;
}

// True: a newer pass says what was at this time.
bool covered(const std::vector<Marked>& newer, UtcTime at, Millis gap) {
  const auto after = std::lower_bound(newer.begin(), newer.end(), at,
                                      [](const Marked& m, UtcTime time) { return m.sample.time < time; });
  if (after == newer.end()) return false;
  if (after->sample.time == at) return true;
  return after != newer.begin() && after->sample.time - std::prev(after)->sample.time <= gap;
}

std::vector<std::vector<Marked>> split(const TickedSamples& in) {
  std::vector<std::vector<Marked>> passes(1);
  std::size_t next = 0;
  bool starts = false;
  for (std::size_t i = 0; i < in.samples.size(); ++i) {
    while (next < in.starts.size() && in.starts[next] == i) starts = true, ++next;
    auto& pass = passes.back();
    if (!pass.empty() && in.samples[i].time < pass.back().sample.time) {
      passes.push_back({{in.samples[i], starts, passes.size()}});
    } else if (!pass.empty() && in.samples[i].time == pass.back().sample.time) {
      pass.back() = {in.samples[i], starts || pass.back().starts, passes.size() - 1};
    } else {
      pass.push_back({in.samples[i], starts, passes.size() - 1});
    }
    starts = false;
  }
  return passes;
}

}  // namespace

void order_by_time(TickedSamples in, bool counter, bool every_pass, SeriesData& out) {
  const auto not_after = [](const Sample& a, const Sample& b) { return a.time >= b.time; };
  const bool known = in.ascending && in.falls_told;
  if (known || std::adjacent_find(in.samples.begin(), in.samples.end(), not_after) == in.samples.end()) {
    if (known) out.falls = std::move(in.falls);
    out.samples = std::move(in.samples);
    out.epoch_starts = std::move(in.starts);
    std::erase(out.epoch_starts, 0U);
    return;
  }
  auto passes = split(in);
  auto merged = std::move(passes.back());
  for (auto i = passes.size() - 1; i-- > 0;) {
    const auto gap = gap_of(merged);
    std::vector<Marked> kept;
    bool starts = false;
    for (auto& old : passes[i]) {
      starts = starts || old.starts;
      if (!every_pass && covered(merged, old.sample.time, gap)) continue;
      old.starts = std::exchange(starts, false);
      kept.push_back(old);
    }
    const auto middle = static_cast<std::ptrdiff_t>(kept.size());
    kept.insert(kept.end(), merged.begin(), merged.end());
    std::inplace_merge(kept.begin(), kept.begin() + middle, kept.end(), earlier);
    merged = std::move(kept);
  }
  for (std::size_t i = 0; i < merged.size(); ++i) {
    const bool crosses = i > 0 && counter && merged[i].pass != merged[i - 1].pass;
    if (i > 0 && (merged[i].starts || crosses)) out.epoch_starts.push_back(i);
    out.samples.push_back(merged[i].sample);
  }
}

}  // namespace pgtend::store
