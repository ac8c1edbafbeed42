#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "agent/store/history_file.hpp"
#include "agent/store/tiers.hpp"

// Turns frozen columns into blocks, off the store thread; private to agent/store.
namespace pgtend::store {

struct Sealed {
  std::shared_ptr<const Frozen> frozen;
  std::vector<BlockRow> rows;  // the raw block first, then those of the coarse tiers
};

// Store thread only, except for what the posted jobs do.
class Sealing {
 public:
  // Without `post` jobs run at once on the store thread.
  explicit Sealing(const HistoryOptions& options);

  void add(std::vector<std::shared_ptr<const Frozen>> due);
  // Starts the jobs that can run: one per group at a time, since a job builds on what the one before wrote.
  // `db` gives the open blocks of the coarse tiers; nullptr: raw blocks only. Errors: those of SQLite.
  Result<void> start(Database* db);
  // What has been encoded since the last call.
  std::vector<Sealed> take();
  // Waits until take() gives something or nothing is being encoded. False: not before the deadline.
  bool wait(Deadline deadline) const;
  // The blocks of this group are in the file (or given up): its next job may start.
  void done(GroupId group) { busy_.erase(group); }

  [[nodiscard]] bool idle() const { return waiting_.empty() && busy_.empty(); }
  // Gives up the oldest waiting columns until at most `most` wait; returns their samples.
  std::vector<std::shared_ptr<const Frozen>> shed(std::size_t most);

 private:
  struct Inbox {
    std::mutex mutex;
    std::condition_variable ready;
    std::size_t running = 0;
    std::vector<Sealed> done;
  };
  PostToWorker post_;
  std::int64_t five_minute_buckets_, one_hour_buckets_;  // at most, in a coarse block
  std::shared_ptr<Inbox> inbox_;
  std::vector<std::shared_ptr<const Frozen>> waiting_;
  std::set<GroupId> busy_;
};

// The newest block of a coarse tier of a group, nullopt when there is none or it is full. Errors: those of SQLite.
Result<std::optional<OpenTier>> read_open_tier(Database& db, Tier tier, GroupId group);

}  // namespace pgtend::store
