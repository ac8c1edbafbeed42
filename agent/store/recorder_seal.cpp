#include <algorithm>

#include "agent/store/codec/ticks.hpp"
#include "agent/store/recorder.hpp"

// When open columns become blocks.
namespace pgtend::store {

namespace {

constexpr auto kTicks = static_cast<std::int64_t>(codec::kBlockTicks);
// Source: performance reference 5.2 seals after two hours; a collector that runs every quarter of an hour would then
// have eight ticks to a block, so a few more are waited for, and a day at most.
constexpr std::int64_t kSealAfterMs = 2LL * 3'600'000;
constexpr std::int64_t kSealTicksThen = 32;
// Source: performance reference 5.7.
constexpr std::int64_t kIdleMs = 3'600'000;
// Chunks whose times stay in memory while the file cannot be written: 15 kB a scope.
constexpr std::int64_t kMostWaiting = 8;

// Groups seal at different ticks, so that no commit has all of them to write.
std::int64_t phase_of(GroupId group) {
  // Source: Knuth's multiplicative hash.
  return static_cast<std::int64_t>((group * 2654435761U) >> 8) % kTicks;
}

}  // namespace

void Recorder::seal_due(Scope& scope, std::int64_t at) {
  const auto last = scope.next_seq - 1;
  const std::lock_guard guard(head_.mutex());
  auto& memory = head_.scopes[scope.id];
  for (std::size_t ordinal = 0; ordinal < memory.groups.size(); ++ordinal) {
    auto& group = memory.groups[ordinal];
    const auto ticks = last - group.first_seq + 1;
    const auto phase = phase_of(group_of(scope.id, static_cast<std::uint32_t>(ordinal * codec::kBlockSlots)));
    const auto age = at - memory.time_of(group.first_seq);
    const bool due = ticks >= kTicks || (scope.next_seq + phase) % kTicks == 0 ||
                     (age >= kSealAfterMs && ticks >= kSealTicksThen) || age >= options_.seal_at_latest.count();
    if (due) freeze(scope, ordinal, at);
  }
  // A chunk of ticks is written when it is complete.
  if (scope.next_seq % kChunkTicks == 0) put_chunk(scope, memory);
  drop_times(scope);
}

// REQUIRES: the head's mutex. Ticks of the chunk that were lost get the time of the first that is known.
void Recorder::put_chunk(Scope& scope, const HeadScope& memory) {
  const auto chunk = (scope.next_seq - 1) / kChunkTicks;
  std::vector<std::int64_t> times;
  for (auto seq = chunk * kChunkTicks; seq < scope.next_seq; ++seq)
    times.push_back(memory.time_of(std::max(seq, memory.times_from)));
  pending_.chunks.push_back({scope.id, chunk, scope.next_seq, codec::encode_ticks(times)});
  scope.chunk_until = scope.next_seq;
}

// REQUIRES: the head's mutex.
void Recorder::freeze(Scope& scope, std::size_t ordinal, std::int64_t at) {
  auto& memory = head_.scopes[scope.id];
  auto& group = memory.groups[ordinal];
  if (group.samples > 0) {
    auto frozen = std::make_shared<Frozen>();
    frozen->group = group_of(scope.id, static_cast<std::uint32_t>(ordinal * codec::kBlockSlots));
    frozen->first_seq = group.first_seq;
    const auto skip = group.first_seq - memory.times_from;
    frozen->times.assign(memory.times.begin() + skip, memory.times.end());
    frozen->columns = std::move(group.columns);
    frozen->starts = std::move(group.starts);
    frozen->samples = group.samples;
    for (std::size_t slot = 0; slot < frozen->columns.size(); ++slot) {
      const auto* state = scope.places[ordinal * codec::kBlockSlots + slot];
      frozen->kinds.push_back(state != nullptr ? state->series->kind : MetricKind::gauge);
    }
    group.frozen.push_back(frozen);
    due_.push_back(std::move(frozen));
  }
  group.columns.clear();
  group.starts.clear();
  group.samples = 0;
  group.first_seq = scope.next_seq;
  end_idle_series(scope, ordinal, scope.next_seq - 1, at);
}

void Recorder::end_idle_series(Scope& scope, std::size_t ordinal, std::int64_t seq, std::int64_t at) {
  const auto first = ordinal * codec::kBlockSlots;
  for (auto place = first; place < std::min(scope.places.size(), first + codec::kBlockSlots); ++place) {
    auto* state = scope.places[place];
    if (state != nullptr && !state->in_last && at - state->last_ms >= kIdleMs) end_series(scope, *state, seq);
  }
}

void Recorder::note_chunks_written() {
  if (pending_.chunks.empty()) return;
  const std::lock_guard guard(head_.mutex());
  for (const auto& chunk : pending_.chunks) {
    auto& scope = *scope_by_id_.at(chunk.scope);
    scope.written_until = chunk.until;
    drop_times(scope);
  }
}

// REQUIRES: the head's mutex. Keeps what an open column or the unfinished chunk needs, and what blocks in the file need
// whose chunk of ticks is not there yet.
void Recorder::drop_times(Scope& scope) {
  auto& memory = head_.scopes[scope.id];
  const auto whole = scope.next_seq / kChunkTicks * kChunkTicks;
  auto keep = std::clamp(scope.written_until, std::max<std::int64_t>(0, whole - kMostWaiting * kChunkTicks), whole);
  for (const auto& group : memory.groups) keep = std::min(keep, group.first_seq);
  const auto count = std::max<std::int64_t>(0, keep - memory.times_from);
  memory.times.erase(memory.times.begin(), memory.times.begin() + count);
  memory.times_from += count;
}

// REQUIRES: the head's mutex. The first tick whose row in the file is still needed.
std::int64_t Recorder::needed_from(const Scope& scope, const HeadScope& memory) const {
  auto oldest = std::max(scope.next_seq / kChunkTicks * kChunkTicks, scope.chunk_until);
  for (const auto& group : memory.groups)
    oldest = std::min(oldest, group.frozen.empty() ? group.first_seq : group.frozen.front()->first_seq);
  return oldest;
}

void Recorder::note_sealed(const Frozen& frozen, std::string data) {
  const auto scope_id = frozen.group >> 12;
  const std::lock_guard guard(head_.mutex());
  auto& memory = head_.scopes[scope_id];
  auto& group = memory.groups[frozen.group & 0xfff];
  std::erase_if(group.frozen, [&](const auto& waiting) { return waiting->first_seq == frozen.first_seq; });
  group.recent.reset();
  if (data.empty()) {
    // Given up.
    samples_ -= frozen.samples;
  } else {
    group.recent = std::make_shared<const RecentBlock>(RecentBlock{frozen.first_seq, frozen.times, std::move(data)});
  }
  auto& scope = *scope_by_id_.at(scope_id);
  const auto needed = needed_from(scope, memory);
  pending_.ends.push_back({scope_id, needed});
  for (; !scope.rows.empty() && scope.rows.front().first < needed; scope.rows.pop_front())
    row_bytes_ -= scope.rows.front().second;
}

void Recorder::seal_idle(UtcTime now, bool all) {
  for (auto& [key, scope] : scopes_) {
    const auto silent = std::min(kSealAfterMs, options_.seal_at_latest.count());
    if (scope->last_ms == INT64_MIN || (!all && to_ms(now) - scope->last_ms < silent)) continue;
    const std::lock_guard guard(head_.mutex());
    auto& memory = head_.scopes[scope->id];
    for (std::size_t ordinal = 0; ordinal < memory.groups.size(); ++ordinal)
      if (memory.groups[ordinal].samples > 0) freeze(*scope, ordinal, std::max(to_ms(now), scope->last_ms));
    if (all && scope->next_seq > memory.times_from && scope->next_seq > scope->chunk_until) put_chunk(*scope, memory);
    drop_times(*scope);
  }
}

}  // namespace pgtend::store
