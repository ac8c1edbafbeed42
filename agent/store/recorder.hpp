#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/model/snapshot.hpp"
#include "agent/store/history_schema.hpp"
#include "agent/store/series_index.hpp"

// Turns snapshots into rows of history.db; private to agent/store. Store thread only.
namespace pgtend::store {

struct RecordCounts {
  std::size_t samples = 0;  // rows that were not there before, stale markers included
  std::size_t stale_markers = 0;
  std::size_t new_series = 0;
  RecordCounts& operator+=(const RecordCounts& more) {
    samples += more.samples;
    stale_markers += more.stale_markers;
    new_series += more.new_series;
    return *this;
  }
};

class Recorder {
 public:
  explicit Recorder(Database& db) : db_(db) {}

  // Reads what the file knows: series, their last samples and epochs, open gaps. Also used after a rolled-back batch.
  Result<void> load();
  // At start of the agent: closes what was open and stores the gap in which the agent was down.
  // REQUIRES: load() succeeded.
  Result<void> note_restart(UtcTime now);

  // Writes one snapshot inside the caller's transaction. After an error the caller rolls back and loads again.
  Result<void> record(const Snapshot& snapshot);
  // Writes totals inside the same transaction.
  Result<void> finish_batch();
  // The transaction is committed: shows the new series to readers.
  void publish();

  // Forgets series without a sample since `cutoff`, inside the caller's transaction.
  Result<void> forget_series_before(std::int64_t cutoff_ms);
  // Accounts for rows that somebody else deleted; written by the next finish_batch.
  void note_deleted(std::int64_t rows) { samples_ -= rows; }

  [[nodiscard]] const RecordCounts& counts() const { return counts_; }
  void reset_counts() { counts_ = {}; }
  [[nodiscard]] std::int64_t samples() const { return samples_; }
  [[nodiscard]] std::int64_t series() const { return static_cast<std::int64_t>(states_.size()); }
  [[nodiscard]] std::optional<UtcTime> newest() const { return newest_; }
  [[nodiscard]] const std::shared_ptr<const SeriesIndex>& index() const { return index_; }

 private:
  struct SeriesState {
    SeriesPtr series;
    std::optional<std::int64_t> newest_ms;  // greatest stored time
    std::int64_t last_ms = 0;               // time of the sample written last; differs after the clock went back
    std::optional<std::uint64_t> epoch;     // of the sample written last
    std::uint64_t newest_epoch = 0;         // in effect at newest_ms
    bool stale = true;                      // the sample written last is a stale marker
    std::uint64_t seen_round = 0;
  };
  struct Scope {
    std::vector<SeriesState*> present;  // in the last snapshot that was ok
    std::optional<std::int64_t> open_gap;
    std::int64_t gap_from = 0;
    std::string gap_reason;
  };
  using ScopeKey = std::tuple<std::string, std::string, std::string>;  // instance, collector, database

  struct KeyHash {
    using is_transparent = void;
    std::size_t operator()(const SeriesKey& key) const { return SeriesKeyHash{}(key); }
    std::size_t operator()(const SeriesPtr& series) const { return SeriesKeyHash{}(series->key); }
  };
  struct KeyEqual {
    using is_transparent = void;
    static const SeriesKey& key(const SeriesKey& k) { return k; }
    static const SeriesKey& key(const SeriesPtr& s) { return s->key; }
    bool operator()(const auto& a, const auto& b) const { return key(a) == key(b); }
  };

  Result<void> load_series();
  Result<void> load_last_samples();
  Result<void> load_epochs();
  Result<void> load_gaps();
  Result<SeriesState*> find_or_create(const SeriesSample& sample, const Snapshot& snapshot);
  Result<void> write_value(SeriesState& state, std::int64_t at, double value);
  Result<void> follow_epoch(SeriesState& state, std::int64_t at, std::uint64_t epoch);
  Result<void> mark_clock_step(SeriesState& state, std::int64_t at, std::uint64_t epoch);
  Result<void> write_epoch(std::int64_t series, std::int64_t at, std::uint64_t epoch, EpochCause cause, bool keep_old);
  Result<void> mark_vanished(Scope& scope, std::uint64_t round, std::int64_t at);
  Result<void> open_or_extend_gap(Scope& scope, const Snapshot& snapshot);
  Result<void> close_gap(Scope& scope, std::int64_t at);

  Database& db_;
  std::unordered_map<SeriesPtr, SeriesState, KeyHash, KeyEqual> states_;
  std::unordered_map<std::int64_t, SeriesState*> by_id_;
  std::map<ScopeKey, Scope> scopes_;
  std::vector<SeriesPtr> added_, removed_;  // since the last publish
  std::shared_ptr<const SeriesIndex> index_ = std::make_shared<SeriesIndex>();
  std::uint64_t round_ = 0;
  std::int64_t samples_ = 0;
  std::optional<UtcTime> newest_;
  RecordCounts counts_;
};

}  // namespace pgtend::store
