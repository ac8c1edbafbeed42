#include <algorithm>

#include "agent/base/log.hpp"
#include "agent/base/strings.hpp"
#include "agent/store/history_core.hpp"
#include "agent/store/migration.hpp"

// How what is in memory gets into the file.
namespace pgtend::store {

namespace {

// Rows and blocks that cannot be written wait in memory up to this; then the oldest head rows go.
constexpr std::int64_t kMaxPendingBytes = 16LL << 20;
// Share of the file below which collectors that can be spared are. Source: performance reference 5.5, at 95 % of the
// cap.
constexpr double kSpareShare = 0.05;
// Frozen columns and encoded blocks that wait; a server of 10,000 series freezes 40 groups in 40 minutes.
constexpr std::size_t kMaxWaitingColumns = 400;

}  // namespace

Result<void> HistoryFile::Core::must_have_room() const {
  if (options_.min_free_bytes <= 0 && options_.min_free_ratio <= 0) return {};
  auto space = space_of(options_.path);
  if (!space) return fail(std::move(space).error());
  if (space->available >= options_.min_free_bytes && space->ratio >= options_.min_free_ratio) return {};
  // Without the present figure, which is another one each time: an error that stays is written once a minute.
  const auto limit = space->available < options_.min_free_bytes
                         ? std::to_string(options_.min_free_bytes >> 20) + " MiB of history.min_free_bytes"
                         : "share " + format_double(options_.min_free_ratio) + " of history.min_free_ratio";
  return fail(Errc::resource_exhausted,
              "the file system of " + options_.path + " has less free than the " + limit +
                  "; history waits in memory until there is more",
              true);
}

// Blocks of one group go together: a coarse block builds on the raw ones that were written.
HistoryFile::Core::Part HistoryFile::Core::next_part() const {
  Part part;
  for (; part.blocks < encoded_.size() && part.bytes < limits_->budget().wal / 2; ++part.blocks)
    for (const auto& row : encoded_[part.blocks].rows) part.bytes += static_cast<std::int64_t>(row.data.size());
  return part;
}

Result<void> HistoryFile::Core::write_part() {
  const auto blocks = next_part().blocks;
  for (std::size_t i = 0; i < blocks; ++i)
    for (const auto& row : encoded_[i].rows) pending_.blocks.push_back(row);
  auto tx = Transaction::begin(*db_);
  auto rows = tx ? pending_.write(*db_, limits_->budget().wal / 2) : Result<Pending::Taken>(fail(tx.error()));
  auto committed = rows ? tx->commit() : Result<void>(fail(rows.error()));
  if (!committed) {
    pending_.blocks.clear();
    return committed;
  }
  recorder_->note_chunks_written();
  pending_.forget(*rows);
  if (blocks > 0 && oldest_in_file_ == 0) oldest_in_file_.reset();
  for (std::size_t i = 0; i < blocks; ++i) {
    auto& sealed = encoded_.front();
    recorder_->note_sealed(*sealed.frozen, std::move(sealed.rows.front().data));
    sealing_.done(sealed.frozen->group);
    encoded_.pop_front();
  }
  return {};
}

// The page limit is met by deleting the oldest blocks. A full disk is not: its history is not to be thrown away because
// somebody else filled it, and nothing could be deleted anyway. There the ballast makes room to bring the log into the
// file, and what is new waits in memory.
Result<LimitCounts> HistoryFile::Core::make_room() {
  auto room = limits_->room();
  if (!room) return fail(std::move(room).error());
  // Rows, their indexes and half-filled pages take up to half as much again, and a few pages of interior nodes.
  const bool at_cap = *room < (pending_.bytes() + next_part().bytes) * 3 / 2 + (64 << 10);
  auto made = at_cap ? limits_->make_room() : Result<LimitCounts>(LimitCounts());
  if (at_cap && (made || made.error().code != Errc::resource_exhausted)) return made;
  if (!ballast_.release()) return made;
  log::warn("disk full: the ballast of history was given up");
  PGTEND_STORE_TRY(limits_->checkpoint(true));
  return at_cap ? limits_->make_room() : made;
}

// A row that alone exceeds the cap would hold up all others for ever.
bool HistoryFile::Core::drop_too_large() {
  const auto room = limits_->room();
  if (!room || pending_.head.empty() || static_cast<std::int64_t>(pending_.head.front().data.size()) < *room)
    return false;
  pending_.head.pop_front();
  recorder_->break_rows();
  const std::lock_guard guard(mutex_);
  ++stats_.dropped_snapshots;
  return true;
}

Result<LimitCounts> HistoryFile::Core::write_all() {
  LimitCounts counts;
  bool made_room = false;
  // Each round may start jobs whose blocks the next round writes.
  for (int round = 0; round < 10'000; ++round) {
    PGTEND_STORE_TRY(sealing_.start(db_.get()));
    for (auto& sealed : sealing_.take()) encoded_.push_back(std::move(sealed));
    if (pending_.empty() && encoded_.empty()) return counts;
    auto written = write_part();
    if (written) {
      made_room = false;
      PGTEND_STORE_TRY(limits_->checkpoint_if_due());
      continue;
    }
    if (written.error().code != Errc::resource_exhausted || made_room) return fail(std::move(written).error());
    made_room = true;
    auto made = make_room();
    if (!made) return fail(std::move(written).error());
    counts += *made;
    if (made->any || !drop_too_large()) continue;
    made_room = false;
  }
  return counts;
}

// Old blocks are deleted before the file is that full: then it holds series, rows and what is new.
void HistoryFile::Core::note_room() {
  const auto room = limits_->room();
  const bool full =
      room && *room < static_cast<std::int64_t>(kSpareShare * static_cast<double>(limits_->budget().file));
  if (full && !nearly_full_)
    log::error(
        "history is nearly full of what cannot be deleted; heavy collectors are not stored",
        {{"file", options_.path}, {"cure", "raise history.max_bytes or lower history.max_series_per_collector"}});
  nearly_full_ = full;
}

void HistoryFile::Core::note_deleted(const LimitCounts& counts) {
  recorder_->note_deleted(counts.deleted);
  if (counts.deleted == 0) return;
  const std::lock_guard guard(mutex_);
  stats_.deleted_by_cap += counts.deleted_by_cap;
  stats_.cap_decides = counts.deleted_by_cap > 0;
}

Result<void> HistoryFile::Core::write_and_limit(CommitReport& report) {
  if (!memory_only_.empty()) {
    encode_in_memory();
    return {};
  }
  if (!db_) PGTEND_STORE_TRY(open_file());
  report.bytes = bytes_on_disk(options_.path);
  PGTEND_STORE_TRY(must_have_room());
  const auto executed = db_->executed();
  auto wrote = write_all();
  auto limited = wrote ? limits_->enforce() : wrote;
  report.bytes = bytes_on_disk(options_.path);
  if (!limited) {
    auto error = limited.error();
    if (error.code == Errc::corrupt) {
      if (auto replaced = replace_file(error); !replaced) return replaced;
    }
    return fail(std::move(error));
  }
  if (wrote) *limited += *wrote;
  note_room();
  report.statements += db_->executed() - executed;
  report.deleted_samples += limited->deleted;
  note_deleted(*limited);
  if (limited->any) {
    forget_old();
    oldest_in_file_.reset();
  }
  // It comes back as soon as the disk has room again.
  if (ballast_.bytes() == 0) (void)ballast_.fill().has_value();
  report.bytes = bytes_on_disk(options_.path);
  return {};
}

Result<void> HistoryFile::Core::add_past(const Snapshot& snapshot) {
  if (!db_) return fail(Errc::unavailable, memory_only_.empty() ? "history has no file" : memory_only_);
  PGTEND_STORE_TRY(recorder_->record(snapshot, false));
  sealing_.add(recorder_->take_due());
  if (pending_.bytes() < limits_->budget().file / 8) return {};
  recorder_->seal_idle(clock_.now(), recorder_->row_bytes() > limits_->budget().file / 4);
  sealing_.add(recorder_->take_due());
  auto written = write_all();
  if (!written) return fail(std::move(written).error());
  auto limited = limits_->enforce();
  if (!limited) return fail(std::move(limited).error());
  *limited += *written;
  note_deleted(*limited);
  return {};
}

Result<void> HistoryFile::Core::take_over(const std::string& older) {
  auto db = Database::open(older, OpenMode::read_only);
  if (!db) return fail(std::move(db).error());
  log::info("history of an older version is taken over; its file is kept", {{"file", older}});
  std::int64_t moments = 0;
  auto read = read_version_1(**db, [&](const Snapshot& snapshot) -> Result<void> {
    ++moments;
    return add_past(snapshot);
  });
  // A damaged old file gives what can be read of it; it is kept anyway.
  if (!read) log::error("history of an older version is taken over in part", {{"reason", read.error().describe()}});
  auto written = write_all();
  if (!written) return fail(std::move(written).error());
  log::info("history taken over", {{"moments", std::to_string(moments)}});
  return {};
}

void HistoryFile::Core::forget_old() {
  std::int64_t cutoff = INT64_MAX;
  for (const auto tier : {Tier::raw, Tier::five_minutes, Tier::one_hour})
    cutoff = std::min(cutoff, limits_->cutoff_ms(tier));
  recorder_->forget_series_before(cutoff);
}

void HistoryFile::Core::encode_in_memory() {
  // No block in a file needs them.
  recorder_->note_chunks_written();
  pending_ = {};
  (void)sealing_.start(nullptr).has_value();
  for (auto& sealed : sealing_.take()) {
    recorder_->note_sealed(*sealed.frozen, std::move(sealed.rows.front().data));
    sealing_.done(sealed.frozen->group);
  }
  pending_ = {};
}

void HistoryFile::Core::bound_memory() {
  const auto rows = pending_.shed(kMaxPendingBytes);
  if (rows > 0) recorder_->break_rows();
  const auto columns = sealing_.shed(kMaxWaitingColumns);
  for (const auto& frozen : columns) recorder_->note_sealed(*frozen, {});
  const std::lock_guard guard(mutex_);
  stats_.dropped_ticks += static_cast<std::int64_t>(rows);
}

Result<void> HistoryFile::Core::seal() {
  recorder_->seal_idle(clock_.now(), true);
  const auto deadline = std::chrono::steady_clock::now() + kFlushTimeout;
  while (true) {
    sealing_.add(recorder_->take_due());
    if (auto committed = commit(); !committed) return fail(std::move(committed).error());
    if (sealing_.idle() && encoded_.empty() && pending_.empty()) break;
    if (!sealing_.wait(deadline)) return fail(Errc::timeout, "blocks were not encoded in time", true);
  }
  return limits_ ? limits_->give_back(true) : Result<void>();
}

}  // namespace pgtend::store
