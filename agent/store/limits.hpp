#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/base/clock.hpp"
#include "agent/base/result.hpp"
#include "agent/store/recorder.hpp"

// Keeps history.db within its time and size; private to agent/store. Store thread only.
namespace pgtend::store {

struct LimitCounts {
  std::int64_t deleted = 0;         // samples
  std::int64_t deleted_by_cap = 0;  // of these
  LimitCounts& operator+=(const LimitCounts& more) {
    deleted += more.deleted;
    deleted_by_cap += more.deleted_by_cap;
    return *this;
  }
};

class Limits {
 public:
  Limits(Database& db, Recorder& recorder, std::int64_t max_bytes, Millis retention, const Clock& clock);

  // Sets the page limit and shrinks a file that an earlier, larger cap left behind.
  Result<void> start();
  // After a commit: retention, size cap, checkpoint. Deletes in steps of their own transactions.
  Result<LimitCounts> enforce();
  // Deletes the oldest tenth of the allowed size, so that a batch that met the page limit fits.
  Result<LimitCounts> make_room();

  // Bytes the write-ahead log may have before it is checkpointed and cut.
  [[nodiscard]] std::int64_t wal_bytes() const { return wal_bytes_; }

 private:
  Result<std::optional<std::int64_t>> oldest_bucket();
  // One bounded step in the oldest bucket; returns the rows deleted.
  Result<std::int64_t> delete_step(std::int64_t bucket);
  Result<std::int64_t> delete_rows(Statement& remove);
  Result<std::int64_t> halve_only_bucket(std::int64_t bucket);
  Result<std::int64_t> delete_bucket(std::int64_t bucket);
  Result<LimitCounts> retain();
  Result<LimitCounts> shrink_to(std::int64_t pages);
  Result<void> drop_details_before(std::int64_t cutoff_ms);
  Result<std::int64_t> live_pages();
  Result<void> checkpoint_if_due();
  Result<void> checkpoint(int mode);
  bool clock_is_trusted();

  Database& db_;
  Recorder& recorder_;
  const Clock& clock_;
  Millis retention_;
  std::int64_t wal_bytes_;
  std::int64_t file_bytes_;
  std::int64_t max_pages_ = 0;
  // Difference between wall and steady time, to notice that the wall clock jumped.
  std::optional<Millis> skew_;
  std::optional<Deadline> distrust_until_;
};

}  // namespace pgtend::store
