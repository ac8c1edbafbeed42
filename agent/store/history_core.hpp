#pragma once

#include <deque>
#include <mutex>
#include <set>
#include <vector>

#include "agent/store/ballast.hpp"
#include "agent/store/files.hpp"
#include "agent/store/history_file.hpp"
#include "agent/store/limits.hpp"
#include "agent/store/recorder.hpp"
#include "agent/store/sealing.hpp"

// The state behind HistoryFile, shared with jobs that are posted to the store thread; private to agent/store.
namespace pgtend::store {

// What readers find wrong, counted where they find it.
struct Faults {
  std::mutex mutex;
  std::set<std::int64_t> known_bad;     // ids of blocks; those of ticks are below zero
  std::set<std::int64_t> bad_sessions;  // ids of buckets of active sessions
  std::vector<std::int64_t> fresh_bad;  // not yet noted as events
  // What SQLite said of the file of that generation; empty: nothing. The writer has many pages in its cache and may not
  // come by the bad ones for hours.
  std::string structure;
  std::uint64_t generation = 0;

  // Notes an error of a reader of the file of `of`.
  void note(const Error& error, std::uint64_t of) {
    if (error.code != Errc::corrupt) return;
    const std::lock_guard guard(mutex);
    structure = error.describe();
    generation = of;
  }
};

class Backup;

class HistoryFile::Core {
 public:
  Core(HistoryOptions options, PostToStore post, const Clock& clock);

  Result<void> start();
  Result<void> append(SnapshotPtr snapshot);
  void append_sessions(SessionBucket bucket);
  [[nodiscard]] bool has_new() const;
  Result<CommitReport> commit();
  void absorb();
  Result<void> seal();
  Result<void> add_past(const Snapshot& snapshot);
  // Begins a backup when there is none and takes a step. True: it is complete.
  Result<bool> backup_step(std::unique_ptr<Backup>& running, const std::string& to);

  void set_expendable(std::set<std::string> collectors);

  [[nodiscard]] const PostToStore& post() const { return post_; }
  [[nodiscard]] const std::string& path() const { return options_.path; }
  [[nodiscard]] const std::shared_ptr<SharedIndex>& shared() const { return shared_; }
  [[nodiscard]] const std::shared_ptr<Head>& head() const { return head_; }
  [[nodiscard]] const std::shared_ptr<Faults>& faults() const { return faults_; }
  [[nodiscard]] HistoryStats stats() const;
  [[nodiscard]] std::optional<std::string> moved_aside() const;
  [[nodiscard]] const HistoryOptions& options() const { return options_; }

 private:
  using Batch = std::vector<SnapshotPtr>;

  // Opens the file; an unsound one is renamed aside first. Memory is filled from the file when it knows nothing yet,
  // and written to a new file otherwise.
  Result<void> open_file();
  Result<void> open_sound();
  Result<void> replace_file(const Error& why);
  // Brings the samples of an older version's file into this one.
  Result<void> take_over(const std::string& older);
  Result<void> must_have_room() const;
  // Applies snapshots from `next` on until there is enough to write, or all of them where nothing can be written;
  // advances it.
  void apply(const Batch& batch, std::size_t& next, bool writes);
  // Writes what is pending and what has been encoded, in parts of bounded size.
  Result<LimitCounts> write_all();
  Result<void> write_part();
  // Of the blocks that wait: how many go into one transaction, and their bytes.
  struct Part {
    std::size_t blocks = 0;
    std::int64_t bytes = 0;
  };
  [[nodiscard]] Part next_part() const;
  // Encodes the buckets that came since the last commit.
  void take_sessions();
  Result<LimitCounts> make_room();
  bool drop_too_large();
  // While the file is nearly full. True: the snapshot was dropped.
  bool drop_expendable(const Snapshot& snapshot);
  void note_room();
  void note_deleted(const LimitCounts& counts);
  void forget_old();
  Result<void> write_and_limit(CommitReport& report);
  void bound_memory();
  Result<void> scrub();
  void note_faults();
  // Replaces the file when a reader found it unsound.
  Result<void> look_at_structure();
  void encode_in_memory();
  Result<std::optional<UtcTime>> oldest();
  void show();
  void note(const CommitReport& report, const Result<void>& written, std::optional<UtcTime> oldest);

  Batch take_queue();
  void add_counts(CommitReport& report) const;

  // Store thread only.
  const HistoryOptions options_;
  const PostToStore post_;
  const Clock& clock_;
  ClockSteps steps_;
  FileLock lock_;
  std::unique_ptr<Database> db_;
  Pending pending_;
  CommitReport absorbed_;  // what the next commit writes besides its own batch
  std::optional<Recorder> recorder_;
  std::optional<Limits> limits_;
  Sealing sealing_;
  Ballast ballast_;
  std::deque<Sealed> encoded_;  // waits to be written
  bool loaded_ = false;         // memory has what the file had
  std::string memory_only_;     // why there is no file
  std::uint64_t generation_ = 0;
  bool nearly_full_ = false;
  std::optional<std::int64_t> oldest_in_file_;  // ms, 0: no block; nullopt: to be looked up
  std::optional<Deadline> scrubbed_;            // when a block was checked last
  std::int64_t scrub_next_ = 0;                 // its id and all before it in this round are checked

  // Shared with other threads.
  const std::shared_ptr<Head> head_ = std::make_shared<Head>();
  const std::shared_ptr<Faults> faults_ = std::make_shared<Faults>();
  const std::shared_ptr<SharedIndex> shared_ = std::make_shared<SharedIndex>();
  mutable std::mutex mutex_;
  std::deque<SnapshotPtr> queue_;
  std::deque<SessionBucket> buckets_;
  bool unwritten_ = false;  // what was taken out of the queue is not yet in the file
  std::set<std::string> expendable_;
  bool failing_ = false;
  HistoryStats stats_;
  std::optional<std::string> moved_aside_;
};

}  // namespace pgtend::store
