#include "agent/store/head.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace pgtend::store {

TickView::TickView(std::span<const std::int64_t> times, std::int64_t first_seq,
                   std::span<const codec::EpochStart> starts, TimeRange range, const ReadHints& hints)
    : times_(times.first(std::min(times.size(), codec::kBlockTicks))),
      first_seq_(first_seq),
      starts_(starts),
      first_ms_(to_ms(hints.first)),
      every_(hints.every.count()),
      stale_markers_(hints.stale_markers) {
  const auto from = to_ms(range.from), to = to_ms(range.to);
  bool open = false;
  for (std::size_t tick = 0; tick < times_.size(); ++tick) {
    const bool inside = times_[tick] >= from && times_[tick] <= to;
    if (inside && open && times_[tick] > times_[tick - 1]) {
      parts_.back().to = tick + 1;
    } else if (inside) {
      parts_.push_back({tick, tick + 1});
    }
    open = inside;
  }
  if (every_ <= 0) return;
  last_.resize(times_.size());
  for (const auto& part : parts_)
    for (auto tick = part.to; tick-- > part.from;) {
      const bool same = tick + 1 < part.to && moment(times_[tick]) == moment(times_[tick + 1]);
      last_[tick] = same ? last_[tick + 1] : static_cast<std::uint8_t>(tick);
    }
}

// Number of the moment that a sample counts for.
std::int64_t TickView::moment(std::int64_t ms) const {
  return ms <= first_ms_ ? 0 : (ms - first_ms_ + every_ - 1) / every_;
}

// Where add() is in one column.
struct TickView::Stretch {
  std::span<const std::uint8_t> at;
  std::span<const std::uint64_t> bits;
  std::vector<std::uint8_t> starts;  // ticks at which an epoch of this series begins, ascending
  TickedSamples& out;
  std::size_t change = 0;  // changes before it are behind
  std::size_t start = 0;   // the same of starts
  double value = 0;

  // The value at `tick`, which is not before that of the last call.
  double value_at(std::size_t tick) {
    while (change < at.size() && at[change] <= tick) value = std::bit_cast<double>(bits[change++]);
    return value;
  }
  // An epoch that began up to `tick` begins with the sample at `index`.
  void mark(std::size_t tick, std::size_t index) {
    if (start == starts.size() || starts[start] > tick) return;
    while (start < starts.size() && starts[start] <= tick) ++start;
    if (out.starts.empty() || out.starts.back() != index) out.starts.push_back(index);
  }
};

// add_run() where every sample is wanted; from one change of the value to the next.
void TickView::add_all(Stretch& stretch, std::size_t from, std::size_t to) const {
  auto& out = stretch.out;
  std::array<Sample, codec::kBlockTicks> run;
  auto* sample = run.data();
  double before = 0;
  for (auto tick = from; tick < to;) {
    const double value = stretch.value_at(tick);
    const auto until = stretch.change < stretch.at.size() ? std::min<std::size_t>(to, stretch.at[stretch.change]) : to;
    if (is_stale(value)) {
      if (stale_markers_) out.falls_told = false;
      // An epoch that begins here begins with the next sample.
      if (!stale_markers_) {
        tick = until;
        continue;
      }
    }
    const auto index = out.samples.size() + static_cast<std::size_t>(sample - run.data());
    if (sample == run.data()) {
      out.join({from_ms(times_[tick]), value});
    } else if (value < before) {
      out.falls.push_back(index);
    }
    before = value;
    while (stretch.start < stretch.starts.size() && stretch.starts[stretch.start] < until) {
      const auto start = std::max<std::size_t>(stretch.starts[stretch.start], tick);
      stretch.mark(start, index + start - tick);
    }
    for (; tick < until; ++tick) *sample++ = {from_ms(times_[tick]), value};
  }
  out.samples.insert(out.samples.end(), run.data(), sample);
}

// The series has a sample at each of the ticks [from, to), whose times go up.
void TickView::add_run(Stretch& stretch, std::size_t from, std::size_t to) const {
  if (every_ <= 0) {
    add_all(stretch, from, to);
    return;
  }
  auto& samples = stretch.out.samples;
  // One sample takes another's place here.
  stretch.out.falls_told = false;
  for (auto tick = from; tick < to; ++tick) {
    tick = std::min<std::size_t>(last_[tick], to - 1);
    const auto at = times_[tick];
    const bool replaces =
        !samples.empty() && to_ms(samples.back().time) < at && moment(to_ms(samples.back().time)) == moment(at);
    if (!replaces) samples.emplace_back();
    samples.back() = {from_ms(at), stretch.value_at(tick)};
    stretch.mark(tick, samples.size() - 1);
  }
}

void TickView::add(const codec::Column& column, const IndexedSeries& series, TickedSamples& out) const {
  if (parts_.empty() || column.empty()) return;
  Stretch stretch{column.at(), column.bits(), {}, out};
  for (const auto& start : starts_)
    if (start.slot == series.slot()) stretch.starts.push_back(start.tick);
  // Ticks at which the place was this series'; its last one is open while it is active.
  const auto tick_of = [&](std::int64_t seq) {
    return seq <= first_seq_ ? 0 : static_cast<std::size_t>(seq - first_seq_);
  };
  if (series.last_seq < first_seq_) return;
  const auto low = tick_of(series.first_seq);
  const auto high = std::min(times_.size() - 1, tick_of(series.last_seq)) + 1;
  const auto runs = column.runs();
  std::size_t part = 0;
  for (std::size_t run = 0; run < runs.size(); run += 2) {
    const auto from = std::max<std::size_t>(runs[run], low);
    const auto to = std::min(run + 1 < runs.size() ? runs[run + 1] : column.end(), high);
    while (part < parts_.size() && parts_[part].to <= from) ++part;
    for (auto each = part; each < parts_.size() && parts_[each].from < to; ++each)
      add_run(stretch, std::max(from, parts_[each].from), std::min(to, parts_[each].to));
  }
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
    const TickView ticks(times, open.first_seq, open.starts, range, hints);
    for (std::size_t i = 0; i < wanted.size(); ++i)
      if (wanted[i]->slot() < open.columns.size()) ticks.add(open.columns[wanted[i]->slot()], *wanted[i], out[i]);
  }
  return picture;
}

}  // namespace pgtend::store
