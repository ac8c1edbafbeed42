#include "agent/store/recorder.hpp"

#include <algorithm>

namespace pgtend::store {

Result<Recorder::SeriesState*> Recorder::find_or_create(const SeriesSample& sample, const Snapshot& snapshot) {
  if (const auto it = states_.find(sample.key); it != states_.end()) return &it->second;
  const auto labels = labels_to_text(sample.key.labels);
  // Bytes that are not UTF-8 are stored replaced; what was stored is the key from then on.
  SeriesKey key{sample.key.name, labels_from_text(labels)};
  if (const auto it = states_.find(key); it != states_.end()) return &it->second;

  auto insert =
      db_.cached("INSERT INTO series (name, labels, kind, instance, collector, database) VALUES (?,?,?,?,?,?)");
  if (!insert) return fail(std::move(insert).error());
  (*insert)->bind(1, key.name).bind(2, labels).bind(3, static_cast<std::int64_t>(sample.kind));
  (*insert)->bind(4, snapshot.instance).bind(5, snapshot.collector).bind(6, snapshot.database);
  PGTEND_STORE_TRY((*insert)->run());

  auto series = std::make_shared<const IndexedSeries>(IndexedSeries{db_.last_id(), std::move(key), sample.kind});
  auto& state = states_[series];
  state.series = series;
  by_id_[series->id] = &state;
  added_.push_back(std::move(series));
  ++counts_.new_series;
  return &state;
}

Result<void> Recorder::write_epoch(std::int64_t series, std::int64_t at, std::uint64_t epoch, EpochCause cause,
                                   bool keep_old) {
  auto statement =
      db_.cached(keep_old ? "INSERT OR IGNORE INTO epochs (series_id, time_ms, epoch, cause) VALUES (?,?,?,?)"
                          : "INSERT OR REPLACE INTO epochs (series_id, time_ms, epoch, cause) VALUES (?,?,?,?)");
  if (!statement) return fail(std::move(statement).error());
  (*statement)->bind(1, series).bind(2, at).bind(3, static_cast<std::int64_t>(epoch));
  (*statement)->bind(4, static_cast<std::int64_t>(cause));
  return (*statement)->run();
}

// After the wall clock went back, samples of two passes interleave: a rate across neighbours of different passes would
// be an invention, so both borders of what is written now are marked.
Result<void> Recorder::mark_clock_step(SeriesState& state, std::int64_t at, std::uint64_t epoch) {
  const auto id = state.series->id;
  const auto neighbour = [&](const char* sql, std::int64_t bucket) -> Result<std::optional<std::int64_t>> {
    auto query = db_.cached(sql);
    if (!query) return fail(std::move(query).error());
    (*query)->bind(1, id).bind(2, bucket).bind(3, at).bind(4, kBucketMs);
    auto row = (*query)->step();
    if (!row) return fail(std::move(row).error());
    std::optional<std::int64_t> found;
    if (*row && !(*query)->is_null(0)) found = (*query)->integer(0);
    (*query)->reset();
    return found;
  };
  // Neighbours are looked for within a bucket to each side; a farther one is too far for any rate to matter.
  auto before = neighbour(
      "SELECT max(bucket * ?4 + offset_ms) FROM samples WHERE series_id=?1 AND bucket IN (?2, ?2 - 1)"
      " AND bucket * ?4 + offset_ms < ?3",
      bucket_of(at));
  if (!before) return fail(std::move(before).error());
  auto after = neighbour(
      "SELECT min(bucket * ?4 + offset_ms) FROM samples WHERE series_id=?1 AND bucket IN (?2, ?2 + 1)"
      " AND bucket * ?4 + offset_ms > ?3",
      bucket_of(at));
  if (!after) return fail(std::move(after).error());
  if (*before != state.last_ms || epoch != state.epoch)
    PGTEND_STORE_TRY(write_epoch(id, at, epoch, epoch == state.epoch ? EpochCause::clock : EpochCause::reset, false));
  if (*after) PGTEND_STORE_TRY(write_epoch(id, **after, state.newest_epoch, EpochCause::clock, true));
  return {};
}

Result<void> Recorder::follow_epoch(SeriesState& state, std::int64_t at, std::uint64_t epoch) {
  const auto id = state.series->id;
  if (!state.epoch) {
    PGTEND_STORE_TRY(write_epoch(id, at, epoch, EpochCause::first, false));
  } else if (state.newest_ms && (at <= *state.newest_ms || state.last_ms != *state.newest_ms)) {
    PGTEND_STORE_TRY(mark_clock_step(state, at, epoch));
  } else if (*state.epoch != epoch) {
    PGTEND_STORE_TRY(write_epoch(id, at, epoch, EpochCause::reset, false));
  }
  state.epoch = epoch;
  if (!state.newest_ms || at >= *state.newest_ms) state.newest_epoch = epoch;
  return {};
}

Result<void> Recorder::write_value(SeriesState& state, std::int64_t at, double value) {
  const auto bucket = bucket_of(at);
  const auto offset = at - bucket * kBucketMs;
  auto insert = db_.cached("INSERT OR IGNORE INTO samples (bucket, series_id, offset_ms, value) VALUES (?,?,?,?)");
  if (!insert) return fail(std::move(insert).error());
  (*insert)->bind(1, bucket).bind(2, state.series->id).bind(3, offset).bind_exact(4, value);
  PGTEND_STORE_TRY((*insert)->run());
  if (db_.changes() == 0) {
    auto update = db_.cached("UPDATE samples SET value=?4 WHERE bucket=?1 AND series_id=?2 AND offset_ms=?3");
    if (!update) return fail(std::move(update).error());
    (*update)->bind(1, bucket).bind(2, state.series->id).bind(3, offset).bind_exact(4, value);
    PGTEND_STORE_TRY((*update)->run());
  } else {
    ++samples_;
    ++counts_.samples;
  }
  state.last_ms = at;
  state.newest_ms = state.newest_ms ? std::max(*state.newest_ms, at) : at;
  state.stale = is_stale(value);
  return {};
}

Result<void> Recorder::mark_vanished(Scope& scope, std::uint64_t round, std::int64_t at) {
  for (auto* state : scope.present) {
    if (state->seen_round == round || state->stale) continue;
    PGTEND_STORE_TRY(write_value(*state, at, stale_marker()));
    ++counts_.stale_markers;
  }
  return {};
}

Result<void> Recorder::open_or_extend_gap(Scope& scope, const Snapshot& snapshot) {
  const auto at = to_ms(snapshot.taken_at);
  const auto reason = std::string(to_string(snapshot.status));
  // Until the next run is due nothing else will be known.
  const auto until = at + snapshot.interval.count();
  if (scope.open_gap && scope.gap_reason != reason) PGTEND_STORE_TRY(close_gap(scope, at));
  if (scope.open_gap) {
    auto update = db_.cached("UPDATE gaps SET to_ms=max(to_ms, ?2) WHERE id=?1");
    if (!update) return fail(std::move(update).error());
    (*update)->bind(1, *scope.open_gap).bind(2, until);
    return (*update)->run();
  }
  auto insert = db_.cached(
      "INSERT INTO gaps (instance, collector, database, from_ms, to_ms, reason, open) VALUES (?,?,?,?,?,?,1)");
  if (!insert) return fail(std::move(insert).error());
  (*insert)->bind(1, snapshot.instance).bind(2, snapshot.collector).bind(3, snapshot.database);
  (*insert)->bind(4, at).bind(5, until).bind(6, reason);
  PGTEND_STORE_TRY((*insert)->run());
  scope.open_gap = db_.last_id();
  scope.gap_from = at;
  scope.gap_reason = reason;
  return {};
}

Result<void> Recorder::close_gap(Scope& scope, std::int64_t at) {
  if (!scope.open_gap) return {};
  auto update = db_.cached("UPDATE gaps SET to_ms=?2, open=0 WHERE id=?1");
  if (!update) return fail(std::move(update).error());
  (*update)->bind(1, *scope.open_gap).bind(2, std::max(scope.gap_from, at - 1));
  PGTEND_STORE_TRY((*update)->run());
  scope.open_gap.reset();
  return {};
}

Result<void> Recorder::record(const Snapshot& snapshot) {
  const auto at = to_ms(snapshot.taken_at);
  auto& scope = scopes_[{snapshot.instance, snapshot.collector, snapshot.database}];
  const auto round = ++round_;
  std::vector<SeriesState*> present;
  present.reserve(snapshot.samples.size());
  for (const auto& sample : snapshot.samples) {
    auto state = find_or_create(sample, snapshot);
    if (!state) return fail(std::move(state).error());
    if (sample.kind == MetricKind::counter) PGTEND_STORE_TRY(follow_epoch(**state, at, sample.epoch));
    PGTEND_STORE_TRY(write_value(**state, at, sample.value));
    if ((*state)->seen_round != round) present.push_back(*state);
    (*state)->seen_round = round;
  }
  if (snapshot.status == CollectStatus::ok) {
    PGTEND_STORE_TRY(mark_vanished(scope, round, at));
    PGTEND_STORE_TRY(close_gap(scope, at));
    scope.present = std::move(present);
  } else {
    // What a failed run did not bring is unknown, not gone.
    PGTEND_STORE_TRY(open_or_extend_gap(scope, snapshot));
    for (auto* state : present)
      if (std::find(scope.present.begin(), scope.present.end(), state) == scope.present.end())
        scope.present.push_back(state);
  }
  newest_ = newest_ ? std::max(*newest_, snapshot.taken_at) : snapshot.taken_at;
  return {};
}

Result<void> Recorder::finish_batch() {
  auto put = db_.cached("INSERT OR REPLACE INTO meta (key, value) VALUES ('samples', ?1)");
  if (!put) return fail(std::move(put).error());
  PGTEND_STORE_TRY((*put)->bind(1, samples_).run());
  if (!newest_) return {};
  auto newest = db_.cached("INSERT OR REPLACE INTO meta (key, value) VALUES ('newest_ms', ?1)");
  if (!newest) return fail(std::move(newest).error());
  return (*newest)->bind(1, *newest_).run();
}

void Recorder::publish() {
  if (added_.empty() && removed_.empty()) return;
  index_ = index_->with(added_, removed_);
  added_.clear();
  removed_.clear();
}

}  // namespace pgtend::store
