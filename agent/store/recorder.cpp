#include "agent/store/recorder.hpp"

#include <algorithm>
#include <bit>

#include "agent/store/codec/bytes.hpp"

namespace pgtend::store {

namespace {

// Source: performance reference 5.1: recovery from a damaged row then reads little.
constexpr int kFullEvery = 30;

}  // namespace

Result<void> Recorder::record(const Snapshot& snapshot, bool gaps) {
  auto found = find_or_create_scope(snapshot);
  if (!found) return fail(std::move(found).error());
  auto& scope = **found;
  const auto at = to_ms(snapshot.taken_at);
  others_.clear();
  std::vector<Placed> placed;
  PGTEND_STORE_TRY(resolve(scope, snapshot, placed));
  const bool ok = snapshot.status == CollectStatus::ok;
  const bool some_alive = std::any_of(scope.places.begin(), scope.places.end(),
                                      [](const SeriesState* state) { return state != nullptr && state->alive; });
  if (!placed.empty() || (ok && some_alive)) {
    add_tick(scope, snapshot, placed);
    seal_due(scope, at);
  }
  if (gaps && ok) {
    close_gap(scope, at);
  } else if (gaps) {
    note_gap(scope, snapshot);
  }
  newest_ = newest_ ? std::max(*newest_, snapshot.taken_at) : snapshot.taken_at;
  return {};
}

void Recorder::put_sample(Scope& scope, HeadScope& memory, SeriesState& state, std::uint64_t bits, std::int64_t at,
                          std::vector<codec::TickValue>& values, bool full) {
  const auto place = state.place;
  auto& group = memory.groups[place / codec::kBlockSlots];
  const auto slot = place % codec::kBlockSlots;
  if (group.columns.size() <= slot) group.columns.resize(slot + 1);
  group.columns[slot].put(static_cast<std::size_t>(scope.next_seq - group.first_seq), bits);
  ++group.samples;
  // A second sample of the same moment takes the place of the first.
  if (at != scope.last_ms || !state.in_last) {
    ++samples_;
    ++counts_.samples;
  }
  if (full || !state.in_last || state.bits != bits)
    values.push_back({place, true, bits, full || !state.in_last ? 0 : state.bits});
  state.in_last = true;
  state.bits = bits;
  state.alive = !is_stale(std::bit_cast<double>(bits));
  state.last_ms = at;
}

void Recorder::follow_epoch(HeadScope& memory, SeriesState& state, std::uint64_t epoch, std::int64_t seq,
                            std::vector<codec::TickEpoch>& epochs, bool full) {
  const bool changed = !state.has_epoch || state.epoch != epoch;
  const bool starts = state.has_epoch && state.epoch != epoch;
  if (changed || full) epochs.push_back({state.place, starts, epoch});
  if (starts) {
    auto& group = memory.groups[state.place / codec::kBlockSlots];
    group.starts.push_back({state.series->slot(), static_cast<std::uint8_t>(seq - group.first_seq)});
  }
  state.has_epoch = true;
  state.epoch = epoch;
}

// What the series say that have no sample in this tick.
void Recorder::add_absent(Scope& scope, HeadScope& memory, const Snapshot& snapshot, std::uint64_t round,
                          codec::TickRow& row) {
  const bool whole = snapshot.status == CollectStatus::ok && snapshot.left_out == 0;
  for (std::uint32_t place = 0; place < scope.places.size(); ++place) {
    auto* state = scope.places[place];
    if (state == nullptr || state->seen_round == round) continue;
    // What a run did not bring that failed or left something out is unknown, not gone.
    if (whole && state->alive) {
      put_sample(scope, memory, *state, kStaleNanBits, to_ms(snapshot.taken_at), row.values, row.full);
      ++counts_.stale_markers;
    } else {
      if (state->in_last && !row.full) row.values.push_back({place, false, 0, 0});
      state->in_last = false;
    }
    if (row.full && state->has_epoch) row.epochs.push_back({place, false, state->epoch});
  }
}

void Recorder::add_tick(Scope& scope, const Snapshot& snapshot, const std::vector<Placed>& placed) {
  const auto at = to_ms(snapshot.taken_at);
  const auto round = ++round_;
  const bool full = scope.until_full <= 0;
  scope.until_full = full ? kFullEvery - 1 : scope.until_full - 1;
  codec::TickRow row;
  row.full = full;
  scope.order.clear();
  {
    const std::lock_guard guard(head_.mutex());
    auto& memory = head_.scopes[scope.id];
    memory.times.push_back(at);
    const auto groups = (scope.places.size() + codec::kBlockSlots - 1) / codec::kBlockSlots;
    while (memory.groups.size() < groups) memory.groups.emplace_back().first_seq = scope.next_seq;
    for (std::size_t i = 0; i < placed.size(); ++i) {
      if (i + kAhead < placed.size()) {
        const auto ahead = placed[i + kAhead].state->place;
        const auto& columns = memory.groups[ahead / codec::kBlockSlots].columns;
        if (ahead % codec::kBlockSlots < columns.size()) __builtin_prefetch(&columns[ahead % codec::kBlockSlots]);
      }
      const auto& [state, sample] = placed[i];
      if (state->seen_round == round) continue;
      state->seen_round = round;
      state->turn = scope.order.size();
      scope.order.push_back(state);
      if (sample->kind == MetricKind::counter)
        follow_epoch(memory, *state, sample->epoch, scope.next_seq, row.epochs, full);
      put_sample(scope, memory, *state, std::bit_cast<std::uint64_t>(sample->value), at, row.values, full);
    }
    if (scope.order.size() < scope.active) add_absent(scope, memory, snapshot, round, row);
  }
  const auto by_place = [](const auto& a, const auto& b) { return a.place < b.place; };
  std::sort(row.values.begin(), row.values.end(), by_place);
  std::sort(row.epochs.begin(), row.epochs.end(), by_place);
  pending_.head.push_back({scope.id, scope.next_seq, at, full, codec::encode_tick_row(row)});
  scope.rows.emplace_back(scope.next_seq, static_cast<std::int64_t>(pending_.head.back().data.size()));
  row_bytes_ += scope.rows.back().second;
  note_resets(scope, at, row.epochs);
  if (at < scope.last_ms) {
    codec::ByteWriter was;
    was.varint(static_cast<std::uint64_t>(scope.last_ms));
    pending_.events.push_back({at, "clock_back", scope.id, was.take()});
  }
  scope.last_ms = at;
  ++scope.next_seq;
}

void Recorder::note_resets(const Scope& scope, std::int64_t at, const std::vector<codec::TickEpoch>& epochs) {
  codec::ByteWriter series;
  for (const auto& epoch : epochs)
    if (epoch.starts) series.varint(static_cast<std::uint64_t>(scope.places[epoch.place]->series->id));
  if (series.size() > 0) pending_.events.push_back({at, "reset", scope.id, series.take()});
}

void Recorder::break_rows() {
  for (auto& [key, scope] : scopes_) scope->until_full = 0;
}

void Recorder::note_gap(Scope& scope, const Snapshot& snapshot) {
  const auto at = to_ms(snapshot.taken_at);
  const auto reason = std::string(to_string(snapshot.status));
  // Until the next run is due nothing else will be known.
  const auto until = at + snapshot.interval.count();
  if (scope.gap && scope.gap->reason != reason) close_gap(scope, at);
  if (!scope.gap)
    scope.gap = GapRow{next_gap_++,
                       as_utf8(snapshot.instance),
                       as_utf8(snapshot.collector),
                       as_utf8(snapshot.database),
                       at,
                       until,
                       reason,
                       true};
  scope.gap->to_ms = std::max(scope.gap->to_ms, until);
  pending_.gaps.push_back(*scope.gap);
}

void Recorder::close_gap(Scope& scope, std::int64_t at) {
  if (!scope.gap) return;
  scope.gap->to_ms = std::max(scope.gap->from_ms, at - 1);
  scope.gap->open = false;
  pending_.gaps.push_back(*scope.gap);
  scope.gap.reset();
}

void Recorder::note_restart(UtcTime now) {
  for (auto& [key, scope] : scopes_) {
    if (!scope->gap) continue;
    scope->gap->open = false;
    pending_.gaps.push_back(*scope->gap);
    scope->gap.reset();
  }
  if (newest_ && *newest_ < now)
    pending_.gaps.push_back({next_gap_++, "", "*", "", to_ms(*newest_), to_ms(now), "agent_down", false});
}

void Recorder::note_step(Millis forward) {
  if (!newest_) return;
  pending_.gaps.push_back({next_gap_++, "", "*", "", to_ms(*newest_), to_ms(*newest_ + forward), "clock_step", false});
}

void Recorder::rewrite() {
  pending_ = {};
  pending_.pairs = names_.all();
  for (auto& [key, scope] : scopes_) {
    const auto& [instance, collector, database] = scope->key;
    pending_.scopes.push_back({scope->id, as_utf8(instance), as_utf8(collector), as_utf8(database)});
    for (const auto& series : scope->displaced) pending_.series.push_back(series);
    for (const auto& [name, state] : scope->states) pending_.series.push_back(state->series);
    if (scope->gap) pending_.gaps.push_back(*scope->gap);
  }
  break_rows();
  samples_ = 0;
  const std::lock_guard guard(head_.mutex());
  for (const auto& [id, scope] : head_.scopes)
    for (const auto& group : scope.groups) {
      samples_ += group.samples;
      for (const auto& frozen : group.frozen) samples_ += frozen->samples;
    }
}

std::optional<std::int64_t> Recorder::oldest_in_head() const {
  std::optional<std::int64_t> oldest;
  const std::lock_guard guard(head_.mutex());
  for (const auto& [id, scope] : head_.scopes)
    for (const auto& group : scope.groups) {
      const auto see = [&](std::int64_t ms) { oldest = oldest ? std::min(*oldest, ms) : ms; };
      for (const auto& frozen : group.frozen)
        if (!frozen->times.empty()) see(frozen->times.front());
      if (group.samples > 0 && group.first_seq >= scope.times_from && group.first_seq < scope.next_seq())
        see(scope.time_of(group.first_seq));
    }
  return oldest;
}

}  // namespace pgtend::store
