#include "agent/store/limits.hpp"

#include <algorithm>

#include "agent/store/files.hpp"

namespace pgtend::store {

namespace {

// Shares of the allowed pages: at the first the oldest blocks go, down to it. Source: performance reference 5.5.
constexpr double kFullShare = 0.85;
// Blocks deleted per transaction: about 20 ms (17 ms for 40 blocks, measured), so that a commit is never long behind.
constexpr std::int64_t kStepBlocks = 32;
// Buckets of active sessions deleted per transaction: a row is about a tenth of a block.
constexpr std::int64_t kStepSessions = 256;
// Pages given back to the file system per step (13 ms at most, measured).
constexpr std::int64_t kVacuumPages = 256;
// A step of the wall clock suspends retention until the new time has held this long, so that one bad NTP step cannot
// delete history.
constexpr std::chrono::hours kClockTrustDelay{1};
// Source: 16 times 256 buckets a minute are 11 hours of them; only a retention that was made shorter has more.
constexpr int kRetainSteps = 16;
// Blocks span minutes to hours; looking more often finds nothing.
constexpr std::int64_t kRetainEveryMs = 60'000;
// Source: shared memory of a write-ahead log: 32 kB per 4,096 frames.
constexpr std::int64_t kShmBytes = 64 << 10;
// Source: https://www.sqlite.org/fileformat2.html#walformat.
constexpr std::int64_t kFrameHeader = 24;

}  // namespace

Budget budget_of(std::int64_t max_bytes) {
  Budget budget;
  budget.wal = std::clamp<std::int64_t>(max_bytes / 32, 128 << 10, 4 << 20);
  // Twice the log, since a checkpoint may have to write all of it while the log is still there, and some.
  budget.ballast = 2 * budget.wal + std::min<std::int64_t>(budget.wal, 2 << 20);
  // A log may grow by one more transaction before it is cut.
  budget.file = max_bytes - 2 * budget.wal - budget.ballast - kShmBytes;
  return budget;
}

Limits::Limits(Database& db, const HistoryOptions& options, const Clock& clock)
    : db_(db), clock_(clock), steps_(clock, kClockDrift), options_(options), budget_(budget_of(options.max_bytes)) {
  const auto committed = [](void* self, sqlite3*, const char*, int pages) {
    static_cast<Limits*>(self)->log_pages_ = pages;
    return SQLITE_OK;
  };
  sqlite3_wal_hook(db_.handle(), committed, this);
}

Limits::~Limits() {
  sqlite3_wal_hook(db_.handle(), nullptr, nullptr);
}

Result<LimitCounts> Limits::start() {
  auto page_size = db_.number("PRAGMA page_size");
  if (!page_size) return fail(std::move(page_size).error());
  page_bytes_ = std::max<std::int64_t>(*page_size, 512);
  max_pages_ = budget_.file / page_bytes_;
  PGTEND_STORE_TRY(db_.exec("PRAGMA journal_size_limit=" + std::to_string(budget_.wal)));
  auto pages = db_.number("PRAGMA page_count");
  if (!pages) return fail(std::move(pages).error());
  LimitCounts counts;
  if (*pages > max_pages_) {
    auto shrunk = shrink_to(static_cast<std::int64_t>(kFullShare * static_cast<double>(max_pages_)));
    if (!shrunk) return shrunk;
    counts = *shrunk;
  }
  PGTEND_STORE_TRY(give_back(false));
  return counts;
}

Result<void> Limits::give_back(bool all) {
  auto pages = db_.cached_number("PRAGMA page_count");
  if (!pages) return fail(std::move(pages).error());
  if (!all && *pages <= max_pages_ && page_limit_set_) return {};
  for (auto left = *pages; all || left > max_pages_;) {
    PGTEND_STORE_TRY(db_.exec("PRAGMA incremental_vacuum(" + std::to_string(kVacuumPages) + ")"));
    // Only a checkpoint makes the file shorter.
    PGTEND_STORE_TRY(checkpoint(true));
    auto now = db_.cached_number("PRAGMA page_count");
    if (!now) return fail(std::move(now).error());
    if (*now >= left) break;
    left = *now;
  }
  // It cannot be set below the pages that are there.
  PGTEND_STORE_TRY(db_.exec("PRAGMA max_page_count=" + std::to_string(max_pages_)));
  auto now = db_.cached_number("PRAGMA page_count");
  page_limit_set_ = now && *now <= max_pages_;
  return {};
}

Result<std::vector<Lane>> Limits::lanes() {
  // Jumps from lane to lane through the index instead of reading all of it.
  auto next = db_.cached("SELECT min(lane) FROM block WHERE lane > ?1");
  if (!next) return fail(std::move(next).error());
  std::vector<Lane> lanes;
  for (Lane last = -1;;) {
    (*next)->bind(1, last);
    auto row = (*next)->step();
    if (!row) return fail(std::move(row).error());
    // In a damaged file a lane may be a text, which is above every number.
    const bool none = !*row || (*next)->is_null(0) || (*next)->integer(0) <= last;
    if (!none) last = (*next)->integer(0);
    (*next)->reset();
    if (none) return lanes;
    lanes.push_back(last);
  }
}

std::int64_t Limits::cutoff_ms(Tier tier) const {
  const auto keep = tier == Tier::raw            ? options_.retention
                    : tier == Tier::five_minutes ? options_.retention_five_minutes
                                                 : options_.retention_one_hour;
  return to_ms(clock_.now()) - keep.count();
}

// Deletes the blocks of a lane up to an id, in bounded steps.
Result<LimitCounts> Limits::delete_blocks(Lane lane, std::int64_t up_to_id) {
  LimitCounts counts;
  while (true) {
    auto tx = Transaction::begin(db_);
    if (!tx) return fail(std::move(tx).error());
    const auto first = std::to_string(block_id(lane, 0)), last = std::to_string(up_to_id);
    auto edge = db_.number("SELECT coalesce(max(id), -1) FROM (SELECT id FROM block WHERE id BETWEEN " + first +
                           " AND " + last + " ORDER BY id LIMIT " + std::to_string(kStepBlocks) + ")");
    if (!edge) return fail(std::move(edge).error());
    if (*edge < 0) return counts;
    auto samples = db_.number(std::string("SELECT ") + kSumSamples + " FROM block WHERE id BETWEEN " + first + " AND " +
                              std::to_string(*edge));
    if (!samples) return fail(std::move(samples).error());
    PGTEND_STORE_TRY(db_.exec("DELETE FROM block WHERE id BETWEEN " + first + " AND " + std::to_string(*edge)));
    PGTEND_STORE_TRY(tx->commit());
    if (is_raw(lane)) counts.deleted += *samples;
    counts.any = true;
    PGTEND_STORE_TRY(checkpoint_if_due());
  }
}

Result<std::optional<std::int64_t>> Limits::oldest_sessions_ms() {
  auto first = db_.cached_number("SELECT coalesce(min(to_ms), -1) FROM sessions");
  if (!first) return fail(std::move(first).error());
  if (*first < 0) return std::nullopt;
  return *first;
}

Result<bool> Limits::delete_sessions(std::int64_t before_ms, int steps) {
  bool any = false;
  for (; steps > 0; --steps) {
    auto remove = db_.cached(
        "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE to_ms < ?1 ORDER BY to_ms LIMIT ?2)");
    if (!remove) return fail(std::move(remove).error());
    PGTEND_STORE_TRY((*remove)->bind(1, before_ms).bind(2, kStepSessions).run());
    const auto gone = db_.changes();
    any = any || gone > 0;
    PGTEND_STORE_TRY(checkpoint_if_due());
    if (gone < kStepSessions) break;
  }
  return any;
}

Result<void> Limits::drop_details_before(std::int64_t cutoff_ms) {
  for (const auto* sql : {"DELETE FROM gaps WHERE to_ms < ?1 AND open=0", "DELETE FROM event WHERE ms < ?1",
                          // Chunks of ticks before the first block of the scope.
                          "DELETE FROM tick WHERE id IN (SELECT tick.id FROM tick JOIN"
                          " (SELECT (lane >> 12) AS of, min(id & 2147483647) AS first FROM block WHERE lane < 268435456"
                          " GROUP BY lane >> 12) ON (tick.id >> 32) & 65535 = of"
                          " WHERE (tick.id & 4294967295) < first / 240)"}) {
    auto tx = Transaction::begin(db_);
    if (!tx) return fail(std::move(tx).error());
    auto statement = db_.cached(sql);
    if (!statement) return fail(std::move(statement).error());
    (*statement)->bind(1, cutoff_ms);
    PGTEND_STORE_TRY((*statement)->run());
    PGTEND_STORE_TRY(tx->commit());
  }
  return {};
}

bool Limits::clock_is_trusted() {
  const auto steady = clock_.steady_now();
  if (steps_.look() != Millis(0)) distrust_until_ = steady + kClockTrustDelay;
  return !distrust_until_ || steady >= *distrust_until_;
}

Result<LimitCounts> Limits::retain() {
  LimitCounts counts;
  if (!clock_is_trusted()) return counts;
  const auto now = to_ms(clock_.now());
  if (retained_ms_ && now >= *retained_ms_ && now - *retained_ms_ < kRetainEveryMs) return counts;
  retained_ms_ = now;
  auto sessions = delete_sessions(cutoff_ms(Tier::raw), kRetainSteps);
  if (!sessions) return fail(std::move(sessions).error());
  auto all = lanes();
  if (!all) return fail(std::move(all).error());
  for (const auto lane : *all) {
    // What lies before a block that is too old is too old as well, whatever time the clock showed then.
    auto last = db_.number("SELECT coalesce(max(id), -1) FROM block WHERE lane=" + std::to_string(lane) +
                           " AND max_ms < " + std::to_string(cutoff_ms(tier_of(lane))));
    if (!last) return fail(std::move(last).error());
    if (*last < 0) continue;
    auto gone = delete_blocks(lane, *last);
    if (!gone) return gone;
    counts += *gone;
  }
  // Gaps and events are kept as long as the finest tier.
  if (counts.any) PGTEND_STORE_TRY(drop_details_before(cutoff_ms(Tier::raw)));
  return counts;
}

Result<std::int64_t> Limits::live_pages() {
  auto pages = db_.cached_number("PRAGMA page_count");
  if (!pages) return fail(std::move(pages).error());
  auto free = db_.cached_number("PRAGMA freelist_count");
  if (!free) return fail(std::move(free).error());
  return *pages - *free;
}

Result<std::int64_t> Limits::room() {
  auto live = live_pages();
  if (!live) return fail(std::move(live).error());
  return (max_pages_ - *live) * page_bytes_;
}

Result<std::int64_t> Limits::oldest_raw_ms() {
  auto oldest = oldest_block();
  if (!oldest) return fail(std::move(oldest).error());
  if (!*oldest || !is_raw((*oldest)->lane)) return 0;
  return db_.number("SELECT min_ms FROM block WHERE id=" + std::to_string((*oldest)->id));
}

// The block that was written first, raw ones before coarse ones: by time, except that a time in the future counts as
// now.
Result<std::optional<Limits::Oldest>> Limits::oldest_block() {
  auto all = lanes();
  if (!all) return fail(std::move(all).error());
  auto first = db_.cached("SELECT id, max_ms FROM block WHERE id >= ?1 ORDER BY id LIMIT 1");
  if (!first) return fail(std::move(first).error());
  std::optional<Oldest> oldest;
  for (const auto lane : *all) {
    if (oldest && is_raw(oldest->lane) && !is_raw(lane)) break;
    (*first)->bind(1, block_id(lane, 0));
    auto row = (*first)->step();
    if (!row) return fail(std::move(row).error());
    if (*row) {
      const Oldest found{lane, (*first)->integer(0), std::min((*first)->integer(1), to_ms(clock_.now()))};
      if (!oldest || found.max_ms < oldest->max_ms) oldest = found;
    }
    (*first)->reset();
  }
  return oldest;
}

Result<LimitCounts> Limits::shrink_to(std::int64_t pages) {
  LimitCounts counts;
  while (true) {
    auto live = live_pages();
    if (!live) return fail(std::move(live).error());
    if (*live <= pages) break;
    auto oldest = oldest_block();
    if (!oldest) return fail(std::move(oldest).error());
    // Active sessions reach as far back as raw samples, and go before coarse ones.
    auto bucket = oldest_sessions_ms();
    if (!bucket) return fail(std::move(bucket).error());
    if (*bucket && (!*oldest || !is_raw((*oldest)->lane) || **bucket <= (*oldest)->max_ms)) {
      auto gone = delete_sessions(*oldest && is_raw((*oldest)->lane) ? (*oldest)->max_ms + 1 : INT64_MAX, 1);
      if (!gone) return fail(std::move(gone).error());
      if (!*gone) break;
      counts.any = true;
      continue;
    }
    if (!*oldest) break;
    auto gone = delete_blocks((*oldest)->lane, (*oldest)->id);
    if (!gone) return gone;
    counts += *gone;
  }
  counts.deleted_by_cap = counts.deleted;
  return counts;
}

Result<void> Limits::checkpoint_if_due() {
  // Late, because most pages of the log are written again by the next commits, and the file once per checkpoint.
  if (log_pages_ * (page_bytes_ + kFrameHeader) <= budget_.wal / 8 * 7) return {};
  return checkpoint(bytes_of(db_.path() + "-wal") > budget_.wal);
}

Result<void> Limits::checkpoint(bool cut) {
  int log = 0, done = 0;
  const int mode = cut ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
  const int code = sqlite3_wal_checkpoint_v2(db_.handle(), nullptr, mode, &log, &done);
  // The next commit begins the log anew.
  if (code == SQLITE_OK && done >= log) log_pages_ = 0;
  // Busy means a reader holds an old picture; it is bounded, and the next commit tries again.
  if (code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED) return {};
  return fail(sqlite_error(db_.handle(), code, "checkpoint"));
}

Result<LimitCounts> Limits::enforce() {
  auto counts = retain();
  if (!counts) return counts;
  auto capped = shrink_to(static_cast<std::int64_t>(kFullShare * static_cast<double>(max_pages_)));
  if (!capped) return capped;
  *counts += *capped;
  PGTEND_STORE_TRY(checkpoint_if_due());
  PGTEND_STORE_TRY(give_back(false));
  return counts;
}

Result<LimitCounts> Limits::make_room() {
  auto live = live_pages();
  if (!live) return fail(std::move(live).error());
  const auto full = static_cast<std::int64_t>(kFullShare * static_cast<double>(max_pages_));
  return shrink_to(std::min(*live, full) - max_pages_ / 10);
}

}  // namespace pgtend::store
