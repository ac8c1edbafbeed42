#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/base/result.hpp"
#include "agent/model/history.hpp"
#include "agent/store/active_sessions.hpp"

namespace pgtend::store {

// Runs a job on the store thread; jobs run one at a time and in the order given.
using PostToStore = std::function<void(std::function<void()>)>;
// Runs a job on some other thread; jobs may run at once.
using PostToWorker = std::function<void(std::function<void()>)>;

struct HistoryOptions {
  std::string path;
  Millis retention{Millis(7LL * 24 * 3600 * 1000)};
  // Database file, write-ahead log, its shared memory and the ballast together; at least kMinHistoryBytes.
  std::int64_t max_bytes = 512LL << 20;
  // Snapshots held in memory between two commits; at least 1.
  std::size_t queue_snapshots = 256;
  // Ages at which the coarser copies are dropped: one value per series in five minutes, and in an hour.
  Millis retention_five_minutes{Millis(90LL * 24 * 3600 * 1000)};
  Millis retention_one_hour{Millis(730LL * 24 * 3600 * 1000)};
  // Most active series of one collector and database; what is above goes into one series per metric.
  std::size_t max_series_per_collector = 20'000;
  // Nothing is written while the file system has less free space than this; 0: no such limit.
  std::int64_t min_free_bytes = 0;
  double min_free_ratio = 0;
  // Where blocks are encoded; empty: on the store thread.
  PostToWorker encode = {};
};

// Below this the schema, the write-ahead log and the ballast no longer leave room for samples.
inline constexpr std::int64_t kMinHistoryBytes = 4LL << 20;

// What one commit did.
struct CommitReport {
  std::size_t snapshots = 0;
  std::size_t samples = 0;  // stale markers included
  std::size_t stale_markers = 0;
  std::size_t new_series = 0;
  std::size_t statements = 0;  // SQL statements executed, retention and size cap included
  std::int64_t deleted_samples = 0;
  std::int64_t bytes = 0;  // file and write-ahead log after the commit
  Millis duration{0};
};

struct HistoryStats {
  std::int64_t samples = 0;  // stored now, of the finest tier
  std::int64_t series = 0;
  std::int64_t active_series = 0;
  std::int64_t bytes = 0;              // file, write-ahead log, shared memory and ballast
  std::int64_t dropped_snapshots = 0;  // since start: the queue was full, or one alone exceeded the cap
  std::int64_t dropped_ticks = 0;      // since start: memory had no room for rows that could not be written
  std::int64_t deleted_by_cap = 0;     // samples deleted since start because of max_bytes, not of retention
  std::int64_t over_quota = 0;         // samples since start without a series of their own, by the quota
  std::int64_t bad_blocks = 0;         // since start: blocks and head rows whose check sum was wrong
  std::optional<UtcTime> oldest, newest;
  // The size cap and not the retention decided last what was deleted.
  bool cap_decides = false;
  // Why nothing is written now; empty when all is well.
  std::string trouble;
  double last_commit_ms = 0;
};

// What is kept of one tier.
struct TierReport {
  std::string name;     // "raw", "5m", "1h"
  Millis width{0};      // distance of its values; 0: as collected
  Millis retention{0};  // age at which they are dropped
  std::int64_t blocks = 0;
  std::int64_t values = 0;  // of "raw" those that are not in blocks yet, too; so with oldest and newest
  std::int64_t bytes = 0;   // of the blocks' data
  std::optional<UtcTime> oldest, newest;
};

// What is kept, how long and at what size.
struct StorageReport {
  HistoryStats stats;
  std::string path;
  std::int64_t version = 0;
  std::string sqlite_version;
  std::int64_t max_bytes = 0;
  std::int64_t file_bytes = 0, wal_bytes = 0, shm_bytes = 0, ballast_bytes = 0;
  std::int64_t free_bytes = 0;  // inside the file, used again by what comes
  std::int64_t head_bytes = 0;  // rows of ticks that are not in blocks yet
  std::int64_t disk_available_bytes = 0;
  std::vector<TierReport> tiers;
  std::string moved_aside;  // where an unsound file was moved to since start; empty: none was
};

class ReaderPool;

// history.db: samples, series, reset epochs and gaps. It may be thrown away.
// The only read-write connection lives here, used on the store thread, and does every checkpoint.
// While a series' collector answers, its absence from an ok snapshot is stored as a stale marker; when the collector
// does not answer, a gap is stored instead (reason: the CollectStatus name). The time in which the agent did not run is
// a gap with collector "*" and reason "agent_down", and so is (reason "clock_step") the time that the wall clock
// skipped.
class HistoryFile final : public HistoryWriter {
 public:
  // Opens or creates the file (mode 0600). A file that is not a sound database is renamed aside and replaced; see
  // moved_aside(). A file written by a newer version is left alone: history is then kept in memory only, and
  // stats().trouble says so. `clock` must outlive the object. Errors: invalid_argument; conflict (another process or
  // program holds it); io. Not retryable. REQUIRES: no other thread uses the object before this
  // returns.
  static Result<std::unique_ptr<HistoryFile>> open(HistoryOptions options, PostToStore post, const Clock& clock);
  ~HistoryFile() override;

  // Never blocks; any thread. When the queue is full the snapshot is dropped and counted. See HistoryWriter::append.
  Result<void> append(SnapshotPtr snapshot) override;
  // Active sessions of a stretch of time, written by the next commit and kept as long as raw samples. Never blocks; any
  // thread. Above kMostWaitingBuckets that cannot be written the oldest are dropped and counted as ticks.
  void append_sessions(SessionBucket bucket);
  // Posts a commit and waits for it, at most kFlushTimeout. REQUIRES: not on the store thread.
  Result<void> flush() override;

  // Whether something waits for the next commit. Any thread.
  [[nodiscard]] bool has_new() const;
  // Applies everything queued to memory, where readers see it, and writes it, in one transaction unless it is large;
  // then enforces retention and the size cap in bounded steps. When nothing can be written, what is in memory stays
  // there, is served, and is written later; of the rows that wait the oldest are dropped and counted above a bound.
  // Errors: io, resource_exhausted (disk full), corrupt (the file was renamed aside and a new one started).
  // Retryable: all. REQUIRES: store thread.
  Result<CommitReport> commit();

  // Applies everything queued to memory, where readers see it; the next commit writes it. What would wait in memory
  // beyond an eighth of the file's bound stays queued. REQUIRES: store thread.
  void absorb();

  // Applies one snapshot from elsewhere and writes what has come together; neither does it begin or end a gap nor, when
  // its status is not ok, say of a series that it does not have that it ended. Errors: io, resource_exhausted,
  // unavailable (there is no file). Not retryable. REQUIRES: store thread.
  Result<void> add_past(const Snapshot& snapshot);

  // Collectors to do without first: their snapshots are dropped and counted while the file is nearly full of what
  // cannot be deleted (stats().trouble says so). Any thread.
  void set_expendable(std::set<std::string> collectors);

  // A read-only connection that sees everything committed so far; one per reading thread. It may outlive nothing:
  // destroy it before the HistoryFile. Errors: io, retryable. Any thread.
  Result<std::unique_ptr<HistoryReader>> reader();

  // Calls `take` with each committed bucket that overlaps the range, ascending; a damaged one is left out and counted.
  // Errors: io, timeout (not read within kReadDeadline); retryable. Any thread.
  Result<void> read_sessions(TimeRange range, const std::function<void(const SessionBucket&)>& take);

  // Encodes and writes all that is in memory, so that the file is as small as it gets. Errors: as commit().
  // REQUIRES: store thread.
  Result<void> seal();

  // Looks at the file for a person. Errors: io. Retryable. REQUIRES: not the store thread (reads the block index).
  Result<StorageReport> report();
  // Copies the file, while it is used, to a new one. Errors: conflict (`to` exists), unavailable (nothing to copy), io,
  // resource_exhausted, timeout. Not retryable. REQUIRES: not the store thread; a large file takes seconds.
  Result<void> backup(const std::string& to);

  // As of the last commit. Any thread.
  [[nodiscard]] HistoryStats stats() const;
  // Where the last unsound file was moved to by this process, nullopt when there was none. Any thread.
  [[nodiscard]] std::optional<std::string> moved_aside() const;

 private:
  class Core;
  explicit HistoryFile(std::shared_ptr<Core> core);
  std::shared_ptr<Core> core_;
  std::shared_ptr<ReaderPool> readers_;
};

// Source: a commit of a full queue takes well under a second; a stalled disk is the only way to reach this.
inline constexpr Millis kFlushTimeout{30'000};
// Source: an hour of buckets of ten seconds, at most 3 MB.
inline constexpr std::size_t kMostWaitingBuckets = 360;
// Longest backup. Source: 4 TB, the largest cap, is out of reach; 100 GB at 100 MB/s is 17 minutes.
inline constexpr Millis kBackupTimeout{1'200'000};
// Longest read transaction: a reader holding a snapshot keeps the write-ahead log growing (50 MB in 3,000 ticks).
inline constexpr Millis kReadDeadline{5'000};

}  // namespace pgtend::store
