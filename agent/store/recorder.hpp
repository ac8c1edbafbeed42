#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/model/snapshot.hpp"
#include "agent/store/codec/tick_row.hpp"
#include "agent/store/head.hpp"
#include "agent/store/pending.hpp"

// Turns snapshots into ticks of the head and rows for the file; private to agent/store. Store thread only.
namespace pgtend::store {

struct RecordCounts {
  std::size_t samples = 0;  // that were not there before, stale markers included
  std::size_t stale_markers = 0;
  std::size_t new_series = 0;
  RecordCounts& operator+=(const RecordCounts& more) {
    samples += more.samples;
    stale_markers += more.stale_markers;
    new_series += more.new_series;
    return *this;
  }
};

struct RecorderOptions {
  // Most active series of one collector and database; counters above go into one series per metric, gauges nowhere.
  std::size_t max_series = 20'000;
  // Source: a day's ticks of a collector that runs every quarter of an hour are a fair block.
  Millis seal_at_latest{Millis(24LL * 3600 * 1000)};
};

class Recorder {
 public:
  Recorder(Head& head, Pending& pending, RecorderOptions options) : head_(head), pending_(pending), options_(options) {}

  // Reads what the file knows, head rows included, into an empty recorder. A damaged head row ends the run of rows it
  // is in; what follows the next full row is used. Errors: io, corrupt.
  Result<void> load(Database& db, UtcTime now);
  // At start of the agent: closes what was open and stores the gap in which the agent was down.
  void note_restart(UtcTime now);
  // The wall clock was set forward: stores the time that never was as a gap.
  void note_step(Millis forward);
  // Everything known goes to `pending` again, for a new file; ticks that are only in memory get there when sealed.
  void rewrite();

  // Applies one snapshot to memory and adds its rows to `pending`. Errors: resource_exhausted (too many scopes or
  // series of one scope), not retryable: the snapshot is dropped.
  // `gaps`: whether its status opens and closes gaps.
  Result<void> record(const Snapshot& snapshot, bool gaps = true);
  // Shows new and ended series to readers.
  void publish();
  // The next row of every scope stands alone: rows before it were lost.
  void break_rows();

  // Columns that are due to be encoded, given to the caller once.
  std::vector<std::shared_ptr<const Frozen>> take_due() { return std::exchange(due_, {}); }
  // Seals scopes that have been silent, and everything with `all`; see take_due.
  void seal_idle(UtcTime now, bool all);
  // The block of `frozen` is in the file: memory keeps it in encoded form only.
  void note_sealed(const Frozen& frozen, std::string data);
  // The chunks of ticks that wait are in the file, or no block will need them: their times leave memory.
  void note_chunks_written();

  // Forgets ended series without a sample since `cutoff`, and those of scopes that are silent since.
  void forget_series_before(std::int64_t cutoff_ms);
  // Accounts for blocks that somebody else deleted.
  void note_deleted(std::int64_t samples) { samples_ -= samples; }

  [[nodiscard]] const RecordCounts& counts() const { return counts_; }
  void reset_counts() { counts_ = {}; }
  [[nodiscard]] std::int64_t samples() const { return samples_; }
  [[nodiscard]] std::int64_t series() const { return static_cast<std::int64_t>(known_); }
  [[nodiscard]] std::int64_t active_series() const { return static_cast<std::int64_t>(active_); }
  // Samples since start that have no series of their own because of the quota.
  [[nodiscard]] std::int64_t over_quota() const { return over_quota_; }
  // Bytes of the rows that the head needs; sealing makes it less.
  [[nodiscard]] std::int64_t row_bytes() const { return row_bytes_; }
  // Head rows, names and series found damaged by load().
  [[nodiscard]] std::int64_t damaged_rows() const { return damaged_rows_; }
  [[nodiscard]] std::optional<UtcTime> newest() const { return newest_; }
  // Of the ticks in memory.
  [[nodiscard]] std::optional<std::int64_t> oldest_in_head() const;
  [[nodiscard]] const std::shared_ptr<const SeriesIndex>& index() const { return index_; }

 private:
  // States lie all over memory; asked for this many samples early they are there when they are needed. Source: a tenth
  // of the time of a commit of 9,000 series (measured).
  static constexpr std::size_t kAhead = 8;
  struct SeriesState {
    SeriesPtr series;
    SharedKey key;           // under which its last samples came
    std::uint64_t bits = 0;  // last sample, as rows count from it
    std::uint64_t epoch = 0;
    bool has_epoch = false;
    bool in_last = false;     // has a sample at the scope's last tick
    bool alive = false;       // its last sample is no stale marker
    bool ended = false;       // its place may be given to another series
    std::uint32_t place = 0;  // the series' own, here so that a sample need not look there
    std::uint64_t seen_round = 0;
    std::int64_t last_ms = 0;
    std::size_t turn = 0;  // its index in the scope's order
  };
  using ScopeKey = std::tuple<std::string, std::string, std::string>;  // instance, collector, database
  struct KeyHash {
    using is_transparent = void;
    std::size_t operator()(const SeriesKey& key) const { return SeriesKeyHash{}(key); }
    std::size_t operator()(const NamePtr& name) const { return SeriesKeyHash{}(name->key()); }
  };
  struct KeyEqual {
    using is_transparent = void;
    bool operator()(const NamePtr& a, const NamePtr& b) const { return a == b || a->is(b->key()); }
    bool operator()(const NamePtr& a, const SeriesKey& b) const { return a->is(b); }
    bool operator()(const SeriesKey& a, const NamePtr& b) const { return b->is(a); }
  };
  struct Scope {
    std::uint32_t id = 0;
    ScopeKey key;
    std::unordered_map<NamePtr, std::unique_ptr<SeriesState>, KeyHash, KeyEqual> states;
    std::vector<SeriesState*> places;  // nullptr: free
    std::vector<SeriesState*> owners;  // who had the place last
    std::vector<std::uint32_t> free;   // places that may be used, their blocks being sealed
    std::vector<SeriesState*> order;   // of the last snapshot's samples
    std::vector<SeriesPtr> displaced;  // ended, and their place is another's
    std::int64_t next_seq = 0;
    std::int64_t chunk_until = 0;    // ticks before it are in the file's chunks, or wait for the next commit
    std::int64_t written_until = 0;  // ticks before it are in the file's chunks
    std::int64_t last_ms = INT64_MIN;
    int until_full = 0;
    std::size_t active = 0;
    std::optional<GapRow> gap;
    std::deque<std::pair<std::int64_t, std::int64_t>> rows;  // tick and bytes of rows that the head needs
  };
  struct Placed {
    SeriesState* state;
    const SeriesSample* sample;
  };

  // --- recorder_series.cpp
  Result<Scope*> find_or_create_scope(const Snapshot& snapshot);
  Result<void> resolve(Scope& scope, const Snapshot& snapshot, std::vector<Placed>& placed);
  static bool is_of(SeriesState& state, const SharedKey& key);
  SeriesState* find(Scope& scope, const SeriesKey& key);
  Result<SeriesState*> create(Scope& scope, const SeriesSample& sample, std::int64_t at);
  void add_other(Scope& scope, const std::vector<const SeriesSample*>& over, std::int64_t at,
                 std::vector<Placed>& placed);
  Result<std::uint32_t> free_place(Scope& scope);
  void show(const SeriesPtr& series);
  void end_series(Scope& scope, SeriesState& state, std::int64_t last_seq);

  // --- recorder.cpp
  void add_tick(Scope& scope, const Snapshot& snapshot, const std::vector<Placed>& placed);
  void add_absent(Scope& scope, HeadScope& memory, const Snapshot& snapshot, std::uint64_t round, codec::TickRow& row);
  void put_sample(Scope& scope, HeadScope& memory, SeriesState& state, std::uint64_t bits, std::int64_t at,
                  std::vector<codec::TickValue>& values, bool full);
  void follow_epoch(HeadScope& memory, SeriesState& state, std::uint64_t epoch, std::int64_t seq,
                    std::vector<codec::TickEpoch>& epochs, bool full);
  void note_gap(Scope& scope, const Snapshot& snapshot);
  void close_gap(Scope& scope, std::int64_t at);
  void note_resets(const Scope& scope, std::int64_t at, const std::vector<codec::TickEpoch>& epochs);

  // --- recorder_seal.cpp
  void seal_due(Scope& scope, std::int64_t at);
  void freeze(Scope& scope, std::size_t ordinal, std::int64_t at);
  void drop_times(Scope& scope);
  [[nodiscard]] std::int64_t needed_from(const Scope& scope, const HeadScope& memory) const;
  void put_chunk(Scope& scope, const HeadScope& memory);
  void end_idle_series(Scope& scope, std::size_t ordinal, std::int64_t seq, std::int64_t at);

  // --- recorder_load.cpp
  // What the rows of one scope said last, while they are read.
  struct Replay {
    std::vector<std::uint64_t> before;  // by place; 0 where the last tick has no sample
    std::vector<bool> present;
    bool whole = false;  // no row is missing since the last full one
    bool begun = false;
  };
  Result<void> load_scopes(Database& db);
  Result<void> load_series(Database& db, std::int64_t now_ms);
  Result<void> reserve_places(Database& db, Scope& scope);
  Result<void> load_gaps(Database& db);
  Result<void> load_blocks(Database& db);
  Result<void> load_head(Database& db);
  Result<void> begin_times(Database& db, Scope& scope, std::int64_t seq, std::int64_t at);
  void replay(Scope& scope, Replay& told, const codec::TickRow& row, std::int64_t seq, std::int64_t at);

  Head& head_;
  Pending& pending_;
  const RecorderOptions options_;
  Names names_;
  std::map<ScopeKey, std::unique_ptr<Scope>> scopes_;
  std::unordered_map<std::uint32_t, Scope*> scope_by_id_;
  std::vector<std::shared_ptr<const Frozen>> due_;
  std::deque<SeriesSample> others_;         // of the snapshot being recorded
  std::vector<SeriesPtr> added_, removed_;  // since the last publish
  std::shared_ptr<const SeriesIndex> index_ = std::make_shared<SeriesIndex>();
  std::uint32_t next_scope_ = 1;
  std::int64_t next_series_ = 1;
  std::int64_t next_gap_ = 1;
  std::uint64_t round_ = 0;
  std::int64_t samples_ = 0;
  std::size_t known_ = 0, active_ = 0;
  std::int64_t over_quota_ = 0;
  std::int64_t row_bytes_ = 0;
  std::int64_t damaged_rows_ = 0;
  std::optional<UtcTime> newest_;
  RecordCounts counts_;
};

}  // namespace pgtend::store
