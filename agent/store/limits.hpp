#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/base/clock_steps.hpp"
#include "agent/base/result.hpp"
#include "agent/store/history_file.hpp"
#include "agent/store/history_schema.hpp"

// Keeps history.db within its time and size; private to agent/store. Store thread only.
namespace pgtend::store {

// A change of the distance between wall and steady time up to this is drift, not a step of the clock.
inline constexpr Millis kClockDrift{60'000};

struct LimitCounts {
  std::int64_t deleted = 0;         // raw samples
  std::int64_t deleted_by_cap = 0;  // of these
  // Blocks of any tier went, so series and events before the oldest may go too.
  bool any = false;
  LimitCounts& operator+=(const LimitCounts& more) {
    deleted += more.deleted;
    deleted_by_cap += more.deleted_by_cap;
    any = any || more.any;
    return *this;
  }
};

// How the allowed bytes are divided: the sum of all parts never exceeds max_bytes.
struct Budget {
  std::int64_t wal = 0;      // at which the write-ahead log is checkpointed and cut
  std::int64_t ballast = 0;  // a file that is given up when the disk is full: a checkpoint then has room to work
  std::int64_t file = 0;     // database file
};
[[nodiscard]] Budget budget_of(std::int64_t max_bytes);

class Limits {
 public:
  // REQUIRES: nobody else watches the write-ahead log of `db`.
  Limits(Database& db, const HistoryOptions& options, const Clock& clock);
  ~Limits();
  Limits(const Limits&) = delete;
  Limits& operator=(const Limits&) = delete;

  // Sets the page limit and shrinks a file that an earlier, larger cap left behind.
  Result<LimitCounts> start();
  // After a commit: retention, size cap, checkpoint. Deletes in steps of their own transactions, each bounded.
  Result<LimitCounts> enforce();
  // Deletes the oldest tenth of the allowed size, so that rows that met the page limit fit.
  Result<LimitCounts> make_room();
  // Checkpoints when the log is nearly as large as it may be.
  Result<void> checkpoint_if_due();
  // Moves the write-ahead log into the file, and cuts it when `cut`. A reader that holds an old picture is no error.
  Result<void> checkpoint(bool cut);

  // Makes a file that is larger than allowed shorter, as far as its pages are free; with `all` every free page goes.
  Result<void> give_back(bool all);
  [[nodiscard]] const Budget& budget() const { return budget_; }
  // Bytes that the file may still take before it meets its page limit. Errors: those of SQLite.
  Result<std::int64_t> room();
  // Time of the oldest raw block, ms; 0 when there is none. Errors: those of SQLite.
  Result<std::int64_t> oldest_raw_ms();
  // Oldest time that a tier may still have; series that ended before all of them may be forgotten.
  [[nodiscard]] std::int64_t cutoff_ms(Tier tier) const;

 private:
  struct Oldest {
    Lane lane = 0;
    std::int64_t id = 0;
    std::int64_t max_ms = 0;
  };
  Result<std::vector<Lane>> lanes();
  Result<LimitCounts> retain();
  Result<LimitCounts> shrink_to(std::int64_t pages);
  Result<std::optional<Oldest>> oldest_block();
  Result<LimitCounts> delete_blocks(Lane lane, std::int64_t up_to_id);
  // The oldest bucket of active sessions; nullopt: there is none.
  Result<std::optional<std::int64_t>> oldest_sessions_ms();
  // Deletes buckets that ended before a time, in bounded steps, at most `steps` of them. True: some went.
  Result<bool> delete_sessions(std::int64_t before_ms, int steps);
  Result<void> drop_details_before(std::int64_t cutoff_ms);
  Result<std::int64_t> live_pages();
  bool clock_is_trusted();

  Database& db_;
  const Clock& clock_;
  ClockSteps steps_;
  const HistoryOptions& options_;
  const Budget budget_;
  std::int64_t page_bytes_ = 4096;
  // In the log since it was last begun anew. Its file stays as long as it once was, so its size says nothing.
  std::int64_t log_pages_ = 0;
  std::int64_t max_pages_ = 0;
  bool page_limit_set_ = false;
  std::optional<std::int64_t> retained_ms_;  // wall time of the last look at retention
  std::optional<Deadline> distrust_until_;
};

}  // namespace pgtend::store
