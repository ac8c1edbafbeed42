#include <algorithm>
#include <bit>

#include "agent/base/log.hpp"
#include "agent/store/codec/bytes.hpp"
#include "agent/store/codec/ticks.hpp"
#include "agent/store/name_rows.hpp"
#include "agent/store/recorder.hpp"

// How a recorder finds its way back into what the file holds.
namespace pgtend::store {

namespace {

// A block's id has this many bits for its first tick.
constexpr std::int64_t kMaxSeq = INT64_C(1) << 31;
// Places of all scopes together: a file that was tampered with must not make the agent fill its memory.
constexpr std::size_t kMaxPlaces = 4 << 20;

// Calls f(statement) for each row. Errors: those of SQLite and of f.
template <class F>
Result<void> for_each(Database& db, std::string_view sql, F&& f) {
  auto query = db.prepare(sql);
  if (!query) return fail(std::move(query).error());
  while (true) {
    auto row = query->step();
    if (!row) return fail(std::move(row).error());
    if (!*row) return {};
    PGTEND_STORE_TRY(f(*query));
  }
}

std::vector<std::int64_t> pair_ids(std::string_view blob) {
  std::vector<std::int64_t> ids;
  codec::ByteReader in(blob);
  while (in.left() > 0) ids.push_back(static_cast<std::int64_t>(in.varint()));
  return in.ok() ? ids : std::vector<std::int64_t>();
}

}  // namespace

Result<void> Recorder::load(Database& db, UtcTime now) {
  PGTEND_STORE_TRY(load_scopes(db));
  PGTEND_STORE_TRY(load_series(db, to_ms(now)));
  PGTEND_STORE_TRY(load_blocks(db));
  PGTEND_STORE_TRY(load_head(db));
  PGTEND_STORE_TRY(load_gaps(db));
  publish();
  return {};
}

Result<void> Recorder::load_scopes(Database& db) {
  return for_each(db, "SELECT id, instance, collector, database FROM scope", [&](Statement& row) -> Result<void> {
    const auto id = row.integer(0);
    if (id < 1 || id >= kMaxScopes) return fail(Errc::corrupt, "a scope of history has an impossible number");
    auto scope = std::make_unique<Scope>();
    scope->id = static_cast<std::uint32_t>(id);
    scope->key = {row.text(1), row.text(2), row.text(3)};
    next_scope_ = std::max(next_scope_, scope->id + 1);
    scope_by_id_[scope->id] = scope.get();
    const auto key = scope->key;
    if (!scopes_.emplace(key, std::move(scope)).second) return fail(Errc::corrupt, "a scope of history is there twice");
    return {};
  });
}

Result<void> Recorder::load_series(Database& db, std::int64_t now_ms) {
  std::int64_t damaged = 0;
  const auto pairs = std::string("SELECT ") + kPairColumns + " FROM label_pair";
  PGTEND_STORE_TRY(for_each(db, pairs, [&](Statement& row) -> Result<void> {
    if (pair_is_sound(row)) {
      names_.load(row.integer(0), row.text(1), row.text(2));
    } else {
      names_.reserve(row.integer(0));
      ++damaged;
    }
    return {};
  }));
  std::size_t places = 0;
  constexpr std::int64_t kPlaces = static_cast<std::int64_t>(kMaxGroups) * codec::kBlockSlots;
  const auto sql = std::string("SELECT ") + kSeriesColumns + " FROM series ORDER BY id";
  PGTEND_STORE_TRY(for_each(db, sql, [&](Statement& row) -> Result<void> {
    const auto id = row.integer(0), place = row.integer(2);
    if (id >= 1 && id < kMaxId) next_series_ = std::max(next_series_, id + 1);
    const auto found = scope_by_id_.find(static_cast<std::uint32_t>(row.integer(1)));
    const auto ids = series_is_sound(row) ? pair_ids(row.blob(8)) : std::vector<std::int64_t>();
    for (const auto pair : ids) names_.reserve(pair);
    auto name = names_.of_ids(ids);
    // A series whose id, name or place is damaged cannot be told from others; its samples are not served.
    if (id < 1 || id >= kMaxId || found == scope_by_id_.end() || !name || place < 0 || place >= kPlaces) {
      ++damaged;
      return {};
    }
    auto& scope = *found->second;
    const auto grows =
        static_cast<std::size_t>(place) + 1 - std::min(scope.places.size(), static_cast<std::size_t>(place) + 1);
    if ((places += grows) > kMaxPlaces) return fail(Errc::corrupt, "history has impossibly many series");
    const bool open = row.is_null(6);
    auto series = std::make_shared<const IndexedSeries>(
        IndexedSeries{id, name, row.integer(3) == 0 ? MetricKind::gauge : MetricKind::counter, scope.id,
                      static_cast<std::uint32_t>(place), row.integer(4), open ? INT64_MAX : row.integer(6),
                      row.integer(5), open ? INT64_MAX : row.integer(7)});
    if (scope.places.size() <= series->place) scope.places.resize(series->place + 1, nullptr);
    if (open && scope.places[series->place] != nullptr) return {};
    auto& state = scope.states[name];
    if (state) {
      scope.displaced.push_back(state->series);
      if (!state->ended) scope.places[state->series->place] = nullptr, --scope.active, --active_;
    } else {
      state = std::make_unique<SeriesState>();
    }
    state->series = series;
    state->place = series->place;
    state->ended = !open;
    state->last_ms = open ? now_ms : series->last_ms;
    if (open) {
      scope.places[series->place] = state.get();
      ++scope.active;
      ++active_;
    }
    scope.owners.resize(scope.places.size(), nullptr);
    auto*& owner = scope.owners[series->place];
    if (owner == nullptr || owner->series->place != series->place || owner->series->last_seq <= series->last_seq)
      owner = state.get();
    ++known_;
    added_.push_back(std::move(series));
    return {};
  }));
  damaged_rows_ += damaged;
  for (auto& [key, scope] : scopes_) {
    if (damaged > 0) PGTEND_STORE_TRY(reserve_places(db, *scope));
    scope->owners.resize(scope->places.size(), nullptr);
    auto& memory = head_.scopes[scope->id];
    memory.groups.resize((scope->places.size() + codec::kBlockSlots - 1) / codec::kBlockSlots);
    for (std::uint32_t place = 0; place < scope->places.size(); ++place)
      if (scope->places[place] == nullptr && (damaged == 0 || scope->owners[place] != nullptr))
        scope->free.push_back(place);
  }
  if (damaged > 0)
    log::error("names or series of history are damaged; their samples are not served, all others are",
               {{"rows", std::to_string(damaged)}});
  return {};
}

// A place that is not known to be free may be that of a series whose row is damaged: what a new series has there would
// come together with the old one's samples in the coarser copies. New series get places behind all that blocks have.
Result<void> Recorder::reserve_places(Database& db, Scope& scope) {
  const auto first = lane_of(Tier::raw, Part::main, group_of(scope.id, 0));
  auto last = db.number("SELECT coalesce(max(lane), -1) FROM block WHERE lane BETWEEN " + std::to_string(first) +
                        " AND " + std::to_string(first + kMaxGroups - 1));
  if (!last) return fail(std::move(last).error());
  const auto of_blocks = *last < first ? 0 : static_cast<std::size_t>(*last - first + 1);
  const auto of_series = (scope.places.size() + codec::kBlockSlots - 1) / codec::kBlockSlots;
  scope.places.resize(std::max(of_blocks, of_series) * codec::kBlockSlots, nullptr);
  return {};
}

Result<void> Recorder::load_blocks(Database& db) {
  auto total = db.number(std::string("SELECT ") + kSumSamples + " FROM block WHERE lane < 268435456");
  if (!total) return fail(std::move(total).error());
  samples_ = *total;
  auto newest = db.number("SELECT max(max_ms) FROM block WHERE lane < 268435456");
  if (!newest) return fail(std::move(newest).error());
  if (*newest > 0 && *newest <= kLatestMs) newest_ = from_ms(*newest);
  const auto* sql =
      "SELECT last, ticks FROM (SELECT max(id) AS last FROM block WHERE lane < 268435456 GROUP BY lane)"
      " JOIN block ON block.id = last";
  return for_each(db, sql, [&](Statement& row) -> Result<void> {
    const auto group = static_cast<GroupId>(lane_of_block(row.integer(0)) & 0xfffffff);
    const auto found = scope_by_id_.find(group >> 12);
    auto& memory = head_.scopes[group >> 12];
    if (found == scope_by_id_.end() || (group & 0xfff) >= memory.groups.size()) return {};
    if (row.integer(1) < 0 || row.integer(1) > static_cast<std::int64_t>(codec::kBlockTicks)) return {};
    const auto end = number_of_block(row.integer(0)) + row.integer(1);
    if (end >= kMaxSeq) return {};
    memory.groups[group & 0xfff].first_seq = end;
    found->second->next_seq = std::max(found->second->next_seq, end);
    return {};
  });
}

// Before the first known tick of a scope the times of its unfinished chunk may be needed.
Result<void> Recorder::begin_times(Database& db, Scope& scope, std::int64_t seq, std::int64_t at) {
  auto& memory = head_.scopes[scope.id];
  const auto chunk = seq / kChunkTicks;
  memory.times_from = chunk * kChunkTicks;
  memory.times.clear();
  auto query = db.cached("SELECT crc, data FROM tick WHERE id=?1");
  if (!query) return fail(std::move(query).error());
  for (std::int64_t copy = 0; copy < kTickCopies && memory.times.empty(); ++copy) {
    const auto id = tick_id(copy, scope.id, chunk);
    (*query)->bind(1, id);
    auto row = (*query)->step();
    if (!row) return fail(std::move(row).error());
    if (*row && (*query)->integer(0) == row_crc(id, 0, (*query)->blob(1)))
      if (auto times = codec::decode_ticks((*query)->blob(1), kChunkTicks))
        memory.times.assign(times->begin(), times->end());
    (*query)->reset();
  }
  scope.chunk_until = memory.times.empty() ? 0 : memory.times_from + static_cast<std::int64_t>(memory.times.size());
  scope.written_until = memory.times_from;
  memory.times.resize(static_cast<std::size_t>(seq - memory.times_from),
                      memory.times.empty() ? at : memory.times.back());
  return {};
}

void Recorder::replay(Scope& scope, Replay& told, const codec::TickRow& row, std::int64_t seq, std::int64_t at) {
  auto& memory = head_.scopes[scope.id];
  if (row.full) std::fill(told.present.begin(), told.present.end(), false);
  for (const auto& value : row.values) {
    told.present[value.place] = value.present;
    told.before[value.place] = value.bits;
  }
  for (std::uint32_t place = 0; place < scope.places.size(); ++place) {
    if (!told.present[place]) told.before[place] = 0;
    auto* state = scope.places[place];
    auto& group = memory.groups[place / codec::kBlockSlots];
    if (state == nullptr || seq < state->series->first_seq) continue;
    state->in_last = told.present[place];
    if (!state->in_last) continue;
    const auto bits = told.before[place];
    if (seq >= group.first_seq) {
      const auto slot = place % codec::kBlockSlots;
      if (group.columns.size() <= slot) group.columns.resize(slot + 1);
      group.columns[slot].put(static_cast<std::size_t>(seq - group.first_seq), bits);
      ++group.samples;
      if (at != scope.last_ms) ++samples_;
    }
    state->bits = bits;
    state->alive = !is_stale(std::bit_cast<double>(bits));
    state->last_ms = at;
  }
  for (const auto& epoch : row.epochs) {
    auto* state = scope.places[epoch.place];
    if (state == nullptr || seq < state->series->first_seq) continue;
    // A reset may have been in a row that is lost.
    const bool starts = epoch.starts || (state->has_epoch && state->epoch != epoch.epoch);
    auto& group = memory.groups[epoch.place / codec::kBlockSlots];
    if (starts && seq >= group.first_seq)
      group.starts.push_back({state->series->slot(), static_cast<std::uint8_t>(seq - group.first_seq)});
    state->has_epoch = true;
    state->epoch = epoch.epoch;
  }
}

Result<void> Recorder::load_head(Database& db) {
  std::unordered_map<std::uint32_t, Replay> told;
  const auto* sql = "SELECT scope, seq, ms, crc, data FROM head ORDER BY id";
  PGTEND_STORE_TRY(for_each(db, sql, [&](Statement& stored) -> Result<void> {
    const auto found = scope_by_id_.find(static_cast<std::uint32_t>(stored.integer(0)));
    if (found == scope_by_id_.end()) return {};
    auto& scope = *found->second;
    auto& memory = head_.scopes[scope.id];
    auto& before = told[scope.id];
    before.before.resize(scope.places.size());
    before.present.resize(scope.places.size());
    const auto seq = stored.integer(1), at = stored.integer(2);
    const bool sound = seq >= 0 && seq < kMaxSeq && at >= 0 && at <= kLatestMs &&
                       stored.integer(3) == head_crc(scope.id, seq, at, stored.blob(4)) &&
                       (!before.begun || (seq >= memory.next_seq() && seq - memory.next_seq() < kChunkTicks));
    auto row = sound ? codec::decode_tick_row(stored.blob(4), before.before)
                     : Result<codec::TickRow>(fail(Errc::corrupt, "head: check sum"));
    if (!row) {
      ++damaged_rows_;
      before.whole = false;
      return {};
    }
    if (before.begun && seq != memory.next_seq()) before.whole = false;
    if (!row->full && !before.whole) return {};
    if (!before.begun) PGTEND_STORE_TRY(begin_times(db, scope, seq, at));
    before.begun = before.whole = true;
    while (memory.next_seq() < seq) memory.times.push_back(at);
    memory.times.push_back(at);
    for (std::size_t ordinal = 0; ordinal < memory.groups.size(); ++ordinal) {
      auto& group = memory.groups[ordinal];
      if (group.first_seq < memory.times_from) group.first_seq = memory.times_from;
      scope.next_seq = seq;
      if (seq - group.first_seq >= static_cast<std::int64_t>(codec::kBlockTicks)) {
        memory.times.pop_back();
        freeze(scope, ordinal, at);
        memory.times.push_back(at);
      }
    }
    scope.rows.emplace_back(seq, static_cast<std::int64_t>(stored.blob(4).size()));
    row_bytes_ += scope.rows.back().second;
    replay(scope, before, *row, seq, at);
    scope.next_seq = seq + 1;
    scope.last_ms = at;
    newest_ = newest_ ? std::max(*newest_, from_ms(at)) : from_ms(at);
    return {};
  }));
  for (auto& [key, scope] : scopes_) {
    auto& memory = head_.scopes[scope->id];
    if (!told[scope->id].begun) {
      for (const auto& group : memory.groups) scope->next_seq = std::max(scope->next_seq, group.first_seq);
      PGTEND_STORE_TRY(begin_times(db, *scope, scope->next_seq, newest_ ? to_ms(*newest_) : 0));
      // Without rows nothing is known of the groups' open ticks.
      for (auto& group : memory.groups) group.first_seq = scope->next_seq;
    }
    // A block may lie after the last row that is sound; ticks go on behind it.
    auto end = scope->next_seq;
    for (const auto& group : memory.groups) end = std::max(end, group.first_seq);
    if (end > scope->next_seq) {
      for (std::size_t ordinal = 0; ordinal < memory.groups.size(); ++ordinal) {
        if (memory.groups[ordinal].samples > 0) freeze(*scope, ordinal, scope->last_ms);
        memory.groups[ordinal].first_seq = end;
      }
      PGTEND_STORE_TRY(begin_times(db, *scope, end, newest_ ? to_ms(*newest_) : 0));
      scope->next_seq = end;
    }
    // What is in the file from here on builds on a row of its own.
    scope->until_full = 0;
  }
  return {};
}

Result<void> Recorder::load_gaps(Database& db) {
  auto last = db.number("SELECT max(id) FROM gaps WHERE id < " + std::to_string(kMaxId));
  if (!last) return fail(std::move(last).error());
  next_gap_ = std::max<std::int64_t>(*last, 0) + 1;
  // A run that failed left no tick, but the agent was there.
  auto newest = db.number("SELECT max(from_ms) FROM gaps WHERE collector != '*'");
  if (!newest) return fail(std::move(newest).error());
  if (*newest > 0 && *newest <= kLatestMs) newest_ = newest_ ? std::max(*newest_, from_ms(*newest)) : from_ms(*newest);
  const auto* sql = "SELECT id, instance, collector, database, from_ms, to_ms, reason FROM gaps WHERE open=1";
  return for_each(db, sql, [&](Statement& row) -> Result<void> {
    const auto found = scopes_.find(ScopeKey{row.text(1), row.text(2), row.text(3)});
    if (found == scopes_.end()) return {};
    found->second->gap = GapRow{row.integer(0), row.text(1),    row.text(2), row.text(3),
                                row.integer(4), row.integer(5), row.text(6), true};
    return {};
  });
}

}  // namespace pgtend::store
