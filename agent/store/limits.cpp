#include "agent/store/limits.hpp"

#include <algorithm>

#include "agent/store/files.hpp"

namespace pgtend::store {

namespace {

// Rows per deleting transaction: about 20 ms, so that a commit is never long behind it.
constexpr std::int64_t kStepRows = 5'000;
// Share of the allowed pages at which the oldest samples go; the rest is room for the next batch.
constexpr double kFullShare = 0.9;
// Pages given back to the file system per step (13 ms at most, measured).
constexpr std::int64_t kVacuumPages = 256;
// A jump of the wall clock larger than this suspends retention …
constexpr Millis kClockJump{60'000};
// … until the new time has held this long, so that one bad NTP step cannot delete history.
constexpr std::chrono::hours kClockTrustDelay{1};

}  // namespace

Limits::Limits(Database& db, Recorder& recorder, std::int64_t max_bytes, Millis retention, const Clock& clock)
    : db_(db),
      recorder_(recorder),
      clock_(clock),
      retention_(retention),
      wal_bytes_(std::clamp<std::int64_t>(max_bytes / 8, 128 << 10, 8 << 20)),
      file_bytes_(max_bytes - wal_bytes_) {}

Result<void> Limits::start() {
  auto page_size = db_.number("PRAGMA page_size");
  if (!page_size) return fail(std::move(page_size).error());
  max_pages_ = file_bytes_ / std::max<std::int64_t>(*page_size, 512);
  PGTEND_STORE_TRY(db_.exec("PRAGMA journal_size_limit=" + std::to_string(wal_bytes_)));
  auto pages = db_.number("PRAGMA page_count");
  if (!pages) return fail(std::move(pages).error());
  if (*pages > max_pages_) {
    auto shrunk = shrink_to(static_cast<std::int64_t>(kFullShare * static_cast<double>(max_pages_)));
    if (!shrunk) return fail(std::move(shrunk).error());
    for (auto left = *pages; left > max_pages_;) {
      PGTEND_STORE_TRY(db_.exec("PRAGMA incremental_vacuum(" + std::to_string(kVacuumPages) + ")"));
      // Only a checkpoint makes the file shorter.
      PGTEND_STORE_TRY(checkpoint(SQLITE_CHECKPOINT_TRUNCATE));
      auto now = db_.number("PRAGMA page_count");
      if (!now) return fail(std::move(now).error());
      if (*now >= left) break;
      left = *now;
    }
  }
  return db_.exec("PRAGMA max_page_count=" + std::to_string(max_pages_));
}

Result<std::optional<std::int64_t>> Limits::oldest_bucket() {
  auto query = db_.cached("SELECT min(bucket) FROM samples");
  if (!query) return fail(std::move(query).error());
  auto row = (*query)->step();
  if (!row) return fail(std::move(row).error());
  std::optional<std::int64_t> bucket;
  if (*row && !(*query)->is_null(0)) bucket = (*query)->integer(0);
  (*query)->reset();
  return bucket;
}

Result<std::int64_t> Limits::delete_rows(Statement& remove) {
  auto tx = Transaction::begin(db_);
  if (!tx) return fail(std::move(tx).error());
  PGTEND_STORE_TRY(remove.run());
  const auto rows = db_.changes();
  recorder_.note_deleted(rows);
  PGTEND_STORE_TRY(recorder_.finish_batch());
  PGTEND_STORE_TRY(tx->commit());
  PGTEND_STORE_TRY(checkpoint_if_due());
  return rows;
}

Result<std::int64_t> Limits::delete_step(std::int64_t bucket) {
  auto remove = db_.cached(
      "DELETE FROM samples WHERE bucket=?1 AND series_id <= coalesce("
      "(SELECT series_id FROM samples WHERE bucket=?1 ORDER BY series_id LIMIT 1 OFFSET ?2), 9223372036854775807)");
  if (!remove) return fail(std::move(remove).error());
  return delete_rows((*remove)->bind(1, bucket).bind(2, kStepRows));
}

// When five minutes alone exceed the cap, their older half goes.
Result<std::int64_t> Limits::halve_only_bucket(std::int64_t bucket) {
  auto remove = db_.cached(
      "DELETE FROM samples WHERE bucket=?1 AND offset_ms <="
      " (SELECT (min(offset_ms) + max(offset_ms)) / 2 FROM samples WHERE bucket=?1)");
  if (!remove) return fail(std::move(remove).error());
  return delete_rows((*remove)->bind(1, bucket));
}

Result<std::int64_t> Limits::delete_bucket(std::int64_t bucket) {
  std::int64_t total = 0;
  while (true) {
    auto rows = delete_step(bucket);
    if (!rows) return fail(std::move(rows).error());
    if (*rows == 0) return total;
    total += *rows;
  }
}

Result<void> Limits::drop_details_before(std::int64_t cutoff_ms) {
  auto tx = Transaction::begin(db_);
  if (!tx) return fail(std::move(tx).error());
  PGTEND_STORE_TRY(recorder_.forget_series_before(cutoff_ms));
  for (const auto* sql : {"DELETE FROM gaps WHERE to_ms < ?1 AND open=0",
                          // The newest row of a series stays: it says in which epoch the next sample must be.
                          "DELETE FROM epochs WHERE time_ms < ?1 AND EXISTS (SELECT 1 FROM epochs AS later"
                          " WHERE later.series_id = epochs.series_id AND later.time_ms > epochs.time_ms)"}) {
    auto statement = db_.cached(sql);
    if (!statement) return fail(std::move(statement).error());
    PGTEND_STORE_TRY((*statement)->bind(1, cutoff_ms).run());
  }
  PGTEND_STORE_TRY(tx->commit());
  recorder_.publish();
  return {};
}

bool Limits::clock_is_trusted() {
  const auto steady = clock_.steady_now();
  const auto skew = clock_.now().time_since_epoch() - std::chrono::duration_cast<Millis>(steady.time_since_epoch());
  if (skew_ && (skew - *skew_ > kClockJump || *skew_ - skew > kClockJump)) distrust_until_ = steady + kClockTrustDelay;
  skew_ = skew;
  return !distrust_until_ || steady >= *distrust_until_;
}

Result<LimitCounts> Limits::retain() {
  LimitCounts counts;
  if (!clock_is_trusted()) return counts;
  const auto cutoff = to_ms(clock_.now()) - retention_.count();
  while (true) {
    auto bucket = oldest_bucket();
    if (!bucket) return fail(std::move(bucket).error());
    // A bucket goes when all of it is too old.
    if (!*bucket || (**bucket + 1) * kBucketMs > cutoff) break;
    auto rows = delete_bucket(**bucket);
    if (!rows) return fail(std::move(rows).error());
    counts.deleted += *rows;
  }
  if (counts.deleted > 0) PGTEND_STORE_TRY(drop_details_before(cutoff));
  return counts;
}

Result<std::int64_t> Limits::live_pages() {
  auto pages = db_.number("PRAGMA page_count");
  if (!pages) return fail(std::move(pages).error());
  auto free = db_.number("PRAGMA freelist_count");
  if (!free) return fail(std::move(free).error());
  return *pages - *free;
}

Result<LimitCounts> Limits::shrink_to(std::int64_t pages) {
  LimitCounts counts;
  while (true) {
    auto live = live_pages();
    if (!live) return fail(std::move(live).error());
    auto bucket = oldest_bucket();
    if (!bucket) return fail(std::move(bucket).error());
    if (*live <= pages || !*bucket) break;
    const bool only = recorder_.newest() && bucket_of(to_ms(*recorder_.newest())) <= **bucket;
    auto rows = only ? halve_only_bucket(**bucket) : delete_step(**bucket);
    if (!rows) return fail(std::move(rows).error());
    counts.deleted += *rows;
    if (*rows == 0) break;
  }
  counts.deleted_by_cap = counts.deleted;
  if (counts.deleted == 0) return counts;
  auto bucket = oldest_bucket();
  if (!bucket) return fail(std::move(bucket).error());
  if (*bucket) PGTEND_STORE_TRY(drop_details_before(**bucket * kBucketMs));
  return counts;
}

Result<void> Limits::checkpoint_if_due() {
  const auto wal = bytes_of(db_.path() + "-wal");
  if (wal <= wal_bytes_ / 2) return {};
  return checkpoint(wal > wal_bytes_ ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE);
}

Result<void> Limits::checkpoint(int mode) {
  int log = 0, done = 0;
  const int code = sqlite3_wal_checkpoint_v2(db_.handle(), nullptr, mode, &log, &done);
  // Busy means a reader holds an old picture; it is bounded, and the next commit tries again.
  if (code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED) return {};
  return fail(sqlite_error(db_.handle(), code, "checkpoint"));
}

Result<LimitCounts> Limits::enforce() {
  auto counts = retain();
  if (!counts) return counts;
  auto capped = shrink_to(static_cast<std::int64_t>(kFullShare * static_cast<double>(max_pages_)));
  if (!capped) return capped;
  counts->deleted += capped->deleted;
  counts->deleted_by_cap += capped->deleted_by_cap;
  PGTEND_STORE_TRY(checkpoint_if_due());
  return counts;
}

Result<LimitCounts> Limits::make_room() {
  auto live = live_pages();
  if (!live) return fail(std::move(live).error());
  return shrink_to(std::min(*live, static_cast<std::int64_t>(kFullShare * static_cast<double>(max_pages_))) -
                   max_pages_ / 10);
}

}  // namespace pgtend::store
