#include "agent/store/head.hpp"

#include <algorithm>
#include <bit>

namespace pgtend::store {

void add_column(const codec::Column& column, std::span<const codec::EpochStart> starts,
                std::span<const std::int64_t> times, std::int64_t first_seq, const IndexedSeries& series,
                TimeRange range, const ReadHints& hints, TickedSamples& out) {
  const auto from = to_ms(range.from), to = to_ms(range.to);
  const auto first_ms = to_ms(hints.first), every = hints.every.count();
  // Number of the moment that a sample counts for.
  const auto moment = [&](std::int64_t at) { return at <= first_ms ? 0 : (at - first_ms + every - 1) / every; };
  const auto replaces = [&](std::int64_t at) {
    if (every <= 0 || out.samples.empty()) return false;
    const auto last = to_ms(out.samples.back().time);
    return last < at && moment(last) == moment(at);
  };
  // Starts are few and in order of ticks.
  std::size_t next = 0;
  const auto slot = series.slot();
  const auto seek = [&] {
    while (next < starts.size() && starts[next].slot != slot) ++next;
  };
  seek();
  bool pending = false;
  column.each([&](std::size_t tick, std::uint64_t bits) {
    if (tick >= times.size()) return;
    const auto seq = first_seq + static_cast<std::int64_t>(tick);
    if (seq < series.first_seq || seq > series.last_seq) return;
    while (next < starts.size() && starts[next].tick <= tick) {
      pending = true;
      ++next;
      seek();
    }
    const auto at = times[tick];
    if (at < from || at > to) return;
    if (replaces(at)) out.samples.pop_back();
    const auto here = out.samples.size();
    if (pending && (out.starts.empty() || out.starts.back() != here)) out.starts.push_back(here);
    pending = false;
    out.samples.push_back({from_ms(at), std::bit_cast<double>(bits)});
  });
}

GroupPicture Head::read(GroupId group, std::span<const SeriesPtr> wanted, TimeRange range, const ReadHints& hints,
                        std::span<TickedSamples> out) const {
  GroupPicture picture;
  const std::lock_guard guard(mutex_);
  const auto found = scopes.find(group >> 12);
  const std::size_t ordinal = group & 0xfff;
  if (found == scopes.end() || ordinal >= found->second.groups.size()) {
    picture.before_seq = INT64_MAX;
    return picture;
  }
  const auto& scope = found->second;
  const auto& open = scope.groups[ordinal];
  picture.frozen.assign(open.frozen.begin(), open.frozen.end());
  picture.recent = open.recent;
  picture.times_from = scope.times_from;
  picture.times.assign(scope.times.begin(), scope.times.end());
  picture.before_seq = open.first_seq;
  if (!open.frozen.empty()) picture.before_seq = open.frozen.front()->first_seq;
  if (open.recent) picture.before_seq = open.recent->first_seq;
  const auto see = [&](std::int64_t ms) { picture.from_ms = std::min(picture.from_ms, ms); };
  if (open.recent && !open.recent->times.empty()) see(open.recent->times.front());
  for (const auto& frozen : open.frozen)
    if (!frozen->times.empty()) see(frozen->times.front());
  if (open.first_seq >= scope.times_from && open.first_seq < scope.next_seq()) {
    see(scope.time_of(open.first_seq));
    const auto times = std::span(picture.times).subspan(static_cast<std::size_t>(open.first_seq - scope.times_from));
    for (std::size_t i = 0; i < wanted.size(); ++i)
      if (wanted[i]->slot() < open.columns.size())
        add_column(open.columns[wanted[i]->slot()], open.starts, times, open.first_seq, *wanted[i], range, hints,
                   out[i]);
  }
  return picture;
}

}  // namespace pgtend::store
