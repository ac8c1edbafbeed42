#pragma once

#include <deque>
#include <mutex>
#include <span>
#include <vector>

#include "agent/store/files.hpp"
#include "agent/store/history_file.hpp"
#include "agent/store/limits.hpp"
#include "agent/store/recorder.hpp"

// The state behind HistoryFile, shared with jobs that are posted to the store thread; private to agent/store.
namespace pgtend::store {

class HistoryFile::Core {
 public:
  Core(HistoryOptions options, PostToStore post, const Clock& clock);

  Result<void> start();
  Result<void> append(SnapshotPtr snapshot);
  Result<CommitReport> commit();

  [[nodiscard]] const PostToStore& post() const { return post_; }
  [[nodiscard]] const std::string& path() const { return options_.path; }
  [[nodiscard]] const std::shared_ptr<SharedIndex>& shared() const { return shared_; }
  [[nodiscard]] HistoryStats stats() const;
  [[nodiscard]] std::optional<std::string> moved_aside() const;

 private:
  using Batch = std::vector<SnapshotPtr>;

  // Opens the file and reads its state; an unsound file is renamed aside first.
  Result<void> open_file();
  Result<void> open_sound();
  Batch take();
  void put_back(Batch batch);
  // How far a batch has come.
  struct Progress {
    std::size_t done = 0;  // snapshots that need not be written again
    RecordCounts counts;
    LimitCounts limits;
  };
  Result<void> write(std::span<const SnapshotPtr> part);
  Result<void> write_all(const Batch& batch, Progress& progress);
  Result<std::optional<UtcTime>> oldest();
  void show();

  // Store thread only.
  const HistoryOptions options_;
  const PostToStore post_;
  const Clock& clock_;
  FileLock lock_;
  std::unique_ptr<Database> db_;
  std::optional<Recorder> recorder_;
  std::optional<Limits> limits_;
  std::pair<std::int64_t, std::int64_t> oldest_seen_{-1, 0};  // bucket, time of its first sample
  std::uint64_t generation_ = 0;

  // Shared with other threads.
  const std::shared_ptr<SharedIndex> shared_ = std::make_shared<SharedIndex>();
  mutable std::mutex mutex_;
  std::deque<SnapshotPtr> queue_;
  std::size_t in_commit_ = 0;
  bool failing_ = false;
  HistoryStats stats_;
  std::optional<std::string> moved_aside_;
};

}  // namespace pgtend::store
