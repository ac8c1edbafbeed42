#include <algorithm>

#include "agent/store/recorder.hpp"

namespace pgtend::store {

namespace {

// How far back the last samples of series are looked for at start: older ones have ended anyway.
constexpr std::int64_t kLookBackBuckets = 6;

}  // namespace

Result<void> Recorder::load() {
  states_.clear();
  by_id_.clear();
  scopes_.clear();
  added_.clear();
  removed_.clear();
  counts_ = {};
  index_ = std::make_shared<SeriesIndex>();
  newest_.reset();
  PGTEND_STORE_TRY(load_series());
  PGTEND_STORE_TRY(load_last_samples());
  PGTEND_STORE_TRY(load_epochs());
  PGTEND_STORE_TRY(load_gaps());
  auto samples = db_.number("SELECT value FROM meta WHERE key='samples'");
  if (!samples) return fail(std::move(samples).error());
  samples_ = *samples;
  auto newest = db_.number("SELECT value FROM meta WHERE key='newest_ms'");
  if (!newest) return fail(std::move(newest).error());
  if (*newest != 0) newest_ = from_ms(*newest);
  publish();
  return {};
}

Result<void> Recorder::load_series() {
  auto query = db_.prepare("SELECT id, name, labels, kind, instance, collector, database FROM series ORDER BY id");
  if (!query) return fail(std::move(query).error());
  while (true) {
    auto row = query->step();
    if (!row) return fail(std::move(row).error());
    if (!*row) return {};
    IndexedSeries read{query->integer(0), SeriesKey{query->text(1), labels_from_text(query->view(2))},
                       query->integer(3) == 0 ? MetricKind::gauge : MetricKind::counter};
    auto series = std::make_shared<const IndexedSeries>(std::move(read));
    auto& state = states_[series];
    state.series = series;
    by_id_[series->id] = &state;
    scopes_[{query->text(4), query->text(5), query->text(6)}].present.push_back(&state);
    added_.push_back(std::move(series));
  }
}

Result<void> Recorder::load_last_samples() {
  auto newest = db_.number("SELECT max(bucket) FROM samples");
  if (!newest) return fail(std::move(newest).error());
  auto query = db_.prepare("SELECT series_id, max(offset_ms), value FROM samples WHERE bucket=? GROUP BY series_id");
  if (!query) return fail(std::move(query).error());
  std::size_t missing = states_.size();
  const auto oldest = *newest - kLookBackBuckets;
  for (auto bucket = *newest; bucket > oldest && missing > 0; --bucket) {
    query->bind(1, bucket);
    while (true) {
      auto row = query->step();
      if (!row) return fail(std::move(row).error());
      if (!*row) break;
      const auto it = by_id_.find(query->integer(0));
      if (it == by_id_.end() || it->second->newest_ms) continue;
      auto& state = *it->second;
      state.last_ms = bucket * kBucketMs + query->integer(1);
      state.newest_ms = state.last_ms;
      state.stale = is_stale(query->exact(2));
      --missing;
    }
  }
  // The rest ended before that; their last time is only known to be older, which is all that is asked of it.
  for (auto& [series, state] : states_) {
    if (state.newest_ms) continue;
    state.last_ms = (oldest + 1) * kBucketMs - 1;
    state.newest_ms = state.last_ms;
  }
  // Only what had not ended can vanish.
  for (auto& [key, scope] : scopes_) std::erase_if(scope.present, [](const SeriesState* s) { return s->stale; });
  return {};
}

Result<void> Recorder::load_epochs() {
  auto query = db_.prepare("SELECT series_id, max(time_ms), epoch FROM epochs GROUP BY series_id");
  if (!query) return fail(std::move(query).error());
  while (true) {
    auto row = query->step();
    if (!row) return fail(std::move(row).error());
    if (!*row) return {};
    const auto it = by_id_.find(query->integer(0));
    if (it == by_id_.end()) continue;
    it->second->epoch = static_cast<std::uint64_t>(query->integer(2));
    it->second->newest_epoch = *it->second->epoch;
  }
}

Result<void> Recorder::load_gaps() {
  auto query = db_.prepare("SELECT id, instance, collector, database, from_ms, reason FROM gaps WHERE open=1");
  if (!query) return fail(std::move(query).error());
  while (true) {
    auto row = query->step();
    if (!row) return fail(std::move(row).error());
    if (!*row) return {};
    auto& scope = scopes_[{query->text(1), query->text(2), query->text(3)}];
    scope.open_gap = query->integer(0);
    scope.gap_from = query->integer(4);
    scope.gap_reason = query->text(5);
  }
}

Result<void> Recorder::note_restart(UtcTime now) {
  auto tx = Transaction::begin(db_);
  if (!tx) return fail(std::move(tx).error());
  PGTEND_STORE_TRY(db_.exec("UPDATE gaps SET open=0 WHERE open=1"));
  for (auto& [key, scope] : scopes_) scope.open_gap.reset();
  if (newest_ && *newest_ < now) {
    auto insert = db_.cached(
        "INSERT INTO gaps (instance, collector, database, from_ms, to_ms, reason, open)"
        " VALUES ('', '*', '', ?1, ?2, 'agent_down', 0)");
    if (!insert) return fail(std::move(insert).error());
    PGTEND_STORE_TRY((*insert)->bind(1, *newest_).bind(2, now).run());
  }
  return tx->commit();
}

Result<void> Recorder::forget_series_before(std::int64_t cutoff_ms) {
  std::vector<SeriesPtr> gone;
  for (const auto& [series, state] : states_)
    if (state.newest_ms && *state.newest_ms < cutoff_ms) gone.push_back(series);
  if (gone.empty()) return {};
  for (auto& [key, scope] : scopes_)
    std::erase_if(scope.present, [&](const SeriesState* s) { return *s->newest_ms < cutoff_ms; });
  for (const auto& series : gone) {
    for (const auto* sql : {"DELETE FROM epochs WHERE series_id=?1", "DELETE FROM series WHERE id=?1"}) {
      auto statement = db_.cached(sql);
      if (!statement) return fail(std::move(statement).error());
      PGTEND_STORE_TRY((*statement)->bind(1, series->id).run());
    }
    by_id_.erase(series->id);
    states_.erase(series);
    // One that was made in this very batch was never shown.
    if (std::erase(added_, series) == 0) removed_.push_back(series);
  }
  return {};
}

}  // namespace pgtend::store
