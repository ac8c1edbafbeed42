#include "agent/base/log.hpp"
#include "agent/store/backup.hpp"
#include "agent/store/codec/block.hpp"
#include "agent/store/codec/bytes.hpp"
#include "agent/store/history_core.hpp"
#include "agent/store/history_reader.hpp"

// What keeps a file sound over months, and tells of it.
namespace pgtend::store {

namespace {

// One block per second: a file of 512 MB is checked in ten hours, at a tenth of a millisecond of CPU per second.
constexpr std::chrono::seconds kScrubEvery{1};

}  // namespace

Result<void> HistoryFile::Core::scrub() {
  const auto now = clock_.steady_now();
  if (!db_ || (scrubbed_ && now - *scrubbed_ < kScrubEvery)) return {};
  scrubbed_ = now;
  auto next = db_->cached("SELECT id, ticks, min_ms, max_ms, crc, data FROM block WHERE id > ?1 ORDER BY id LIMIT 1");
  if (!next) return {};
  (*next)->bind(1, scrub_next_);
  auto row = (*next)->step();
  if (!row && row.error().code == Errc::corrupt) {
    const auto error = row.error();
    (*next)->reset();
    return replace_file(error);
  }
  if (!row || !*row) {
    // The round begins anew.
    scrub_next_ = INT64_MIN;
    (*next)->reset();
    return {};
  }
  scrub_next_ = (*next)->integer(0);
  const auto data = (*next)->blob(5);
  const bool sound = (*next)->integer(4) ==
                         block_crc(scrub_next_, (*next)->integer(1), (*next)->integer(2), (*next)->integer(3), data) &&
                     codec::Block::open(data).has_value();
  (*next)->reset();
  if (sound) return {};
  const std::lock_guard guard(faults_->mutex);
  if (faults_->known_bad.insert(scrub_next_).second) faults_->fresh_bad.push_back(scrub_next_);
  return {};
}

void HistoryFile::Core::note_faults() {
  std::vector<std::int64_t> fresh;
  {
    const std::lock_guard guard(faults_->mutex);
    fresh = std::exchange(faults_->fresh_bad, {});
  }
  for (const auto id : fresh) {
    log::error("a block of history is damaged; the samples in it are not served, all others are",
               {{"block", std::to_string(id)}});
    codec::ByteWriter data;
    data.u64(static_cast<std::uint64_t>(id));
    const auto scope = id < 0 ? 0 : static_cast<std::uint32_t>((lane_of_block(id) & 0xfffffff) >> 12);
    pending_.events.push_back({to_ms(clock_.now()), "bad_block", scope, data.take()});
  }
}

Result<void> HistoryFile::Core::look_at_structure() {
  std::string told;
  {
    const std::lock_guard guard(faults_->mutex);
    told = std::exchange(faults_->structure, {});
    if (faults_->generation != generation_) return {};
  }
  if (told.empty() || !db_) return {};
  Error error;
  error.code = Errc::corrupt;
  error.message = "a reader found: " + told;
  return replace_file(error);
}

Result<bool> HistoryFile::Core::backup_step(std::unique_ptr<Backup>& running, const std::string& to) {
  if (!db_) return fail(Errc::unavailable, "history is kept in memory only; there is no file to copy");
  if (!running) {
    auto begun = Backup::begin(*db_, to);
    if (!begun) return fail(std::move(begun).error());
    running = std::move(*begun);
  }
  auto complete = running->step();
  if (!complete || *complete) running.reset();
  return complete;
}

namespace {

Result<TierReport> tier_report(Database& db, Tier tier, const HistoryOptions& options) {
  TierReport out;
  out.name = tier == Tier::raw ? "raw" : tier == Tier::five_minutes ? "5m" : "1h";
  out.width = width_of(tier);
  out.retention = tier == Tier::raw            ? options.retention
                  : tier == Tier::five_minutes ? options.retention_five_minutes
                                               : options.retention_one_hour;
  const auto first = std::to_string(block_id(lane_of(tier, Part::main, 0), 0));
  const auto last =
      std::to_string(block_id(lane_of(tier, tier == Tier::raw ? Part::main : Part::greatest, 0xfffffff), 0x7fffffff));
  auto query =
      db.prepare(std::string("SELECT count(*), ") + kSumSamples +
                 ", sum(length(data)), min(min_ms), max(max_ms) FROM block WHERE id BETWEEN " + first + " AND " + last);
  if (!query) return fail(std::move(query).error());
  auto row = query->step();
  if (!row) return fail(std::move(row).error());
  if (!*row) return out;
  out.blocks = query->integer(0);
  out.values = query->integer(1);
  out.bytes = query->integer(2);
  if (out.blocks > 0) out.oldest = query->time(3), out.newest = query->time(4);
  return out;
}

}  // namespace

Result<StorageReport> HistoryFile::report() {
  StorageReport out;
  const auto& options = core_->options();
  out.stats = core_->stats();
  out.path = options.path;
  out.version = kHistoryVersion;
  out.sqlite_version = sqlite3_libversion();
  out.max_bytes = options.max_bytes;
  out.moved_aside = core_->moved_aside().value_or("");
  if (auto space = space_of(options.path)) out.disk_available_bytes = space->available;
  if (!core_->shared()->view().file) return out;
  out.file_bytes = bytes_of(options.path);
  out.wal_bytes = bytes_of(options.path + "-wal");
  out.shm_bytes = bytes_of(options.path + "-shm");
  out.ballast_bytes = bytes_of(ballast_of(options.path));
  auto db = open_history_reader(options.path);
  if (!db) return fail(std::move(db).error());
  (*db)->set_deadline(std::chrono::steady_clock::now() + kReadDeadline);
  auto page = (*db)->number("PRAGMA page_size");
  auto free = (*db)->number("PRAGMA freelist_count");
  auto head = (*db)->number("SELECT sum(length(data)) FROM head");
  for (const auto* number : {&page, &free, &head})
    if (!*number) return fail(number->error(), "report");
  out.free_bytes = *page * *free;
  out.head_bytes = *head;
  for (const auto tier : {Tier::raw, Tier::five_minutes, Tier::one_hour}) {
    auto report = tier_report(**db, tier, options);
    if (!report) return fail(std::move(report).error(), "report");
    out.tiers.push_back(std::move(*report));
  }
  // What was collected is not all in blocks yet.
  auto& raw = out.tiers.front();
  raw.values = out.stats.samples;
  raw.oldest = out.stats.oldest;
  raw.newest = out.stats.newest;
  return out;
}

}  // namespace pgtend::store
