#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/base/clock.hpp"
#include "agent/base/result.hpp"
#include "agent/model/history.hpp"

namespace pgtend::store {

struct HistoryOptions {
  std::string path;
  Millis retention{Millis(7LL * 24 * 3600 * 1000)};
  // Database file and write-ahead log together; at least kMinHistoryBytes.
  std::int64_t max_bytes = 512LL << 20;
  // Snapshots held in memory between two commits; at least 1.
  std::size_t queue_snapshots = 256;
};

// Below this the schema and one write-ahead log no longer fit.
inline constexpr std::int64_t kMinHistoryBytes = 1LL << 20;

// Runs a job on the store thread; jobs run one at a time and in the order given.
using PostToStore = std::function<void(std::function<void()>)>;

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
  std::int64_t samples = 0;  // stored now
  std::int64_t series = 0;
  std::int64_t bytes = 0;              // file and write-ahead log
  std::int64_t dropped_snapshots = 0;  // since start: the queue was full
  std::int64_t deleted_by_cap = 0;     // samples deleted since start because of max_bytes, not of retention
  std::optional<UtcTime> oldest, newest;
  double last_commit_ms = 0;
};

// history.db: samples, series, reset epochs and gaps. It may be thrown away.
// The only read-write connection lives here, used on the store thread, and does every checkpoint.
// While a series' collector answers, its absence from an ok snapshot is stored as a stale marker; when the collector
// does not answer, a gap is stored instead (reason: the CollectStatus name). The time in which the agent did not run is
// a gap with collector "*" and reason "agent_down".
class HistoryFile final : public HistoryWriter {
 public:
  // Opens or creates the file (mode 0600). A file that is not a sound database is renamed aside and replaced; see
  // moved_aside(). `clock` must outlive the object. Errors: invalid_argument; conflict (another process holds it);
  // unsupported (written by a newer version); io. Not retryable. REQUIRES: no other thread uses the object before this
  // returns.
  static Result<std::unique_ptr<HistoryFile>> open(HistoryOptions options, PostToStore post, const Clock& clock);
  ~HistoryFile() override;

  // Never blocks; any thread. When the queue is full the snapshot is dropped and counted. See HistoryWriter::append.
  Result<void> append(SnapshotPtr snapshot) override;
  // Posts a commit and waits for it, at most kFlushTimeout. REQUIRES: not on the store thread.
  Result<void> flush() override;

  // Writes everything queued in one transaction, then enforces retention and the size cap in bounded steps.
  // A batch too large for the cap is cut in halves, and a snapshot that is so alone is dropped. On failure what was not
  // written stays queued. Errors: io, resource_exhausted (disk full), corrupt (the file was renamed aside
  // and a new one started). Retryable: all. REQUIRES: store thread.
  Result<CommitReport> commit();

  // A new read-only connection that sees everything committed so far; one per reading thread. It may outlive nothing:
  // destroy it before the HistoryFile. Errors: io, retryable. Any thread.
  Result<std::unique_ptr<HistoryReader>> reader();

  // As of the last commit. Any thread.
  [[nodiscard]] HistoryStats stats() const;
  // Where the last unsound file was moved to by this process, nullopt when there was none. Any thread.
  [[nodiscard]] std::optional<std::string> moved_aside() const;

 private:
  class Core;
  explicit HistoryFile(std::shared_ptr<Core> core);
  std::shared_ptr<Core> core_;
};

// Source: a commit of a full queue takes well under a second; a stalled disk is the only way to reach this.
inline constexpr Millis kFlushTimeout{30'000};
// Longest read transaction: a reader holding a snapshot keeps the write-ahead log growing (50 MB in 3,000 ticks).
inline constexpr Millis kReadDeadline{5'000};

}  // namespace pgtend::store
