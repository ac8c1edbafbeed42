#include "agent/store/history_core.hpp"

#include <algorithm>

#include "agent/base/log.hpp"

namespace pgtend::store {

HistoryFile::Core::Core(HistoryOptions options, PostToStore post, const Clock& clock)
    : options_(std::move(options)), post_(std::move(post)), clock_(clock) {}

Result<void> HistoryFile::Core::start() {
  auto lock = FileLock::take(options_.path);
  if (!lock) return fail(std::move(lock).error());
  lock_ = std::move(*lock);
  PGTEND_STORE_TRY(open_file());
  return recorder_->note_restart(clock_.now());
}

Result<void> HistoryFile::Core::open_file() {
  auto opened = open_sound();
  if (opened || opened.error().code != Errc::corrupt) return opened;
  const auto why = opened.error().describe();
  limits_.reset();
  recorder_.reset();
  db_.reset();
  auto moved = move_aside(options_.path, clock_.now());
  if (!moved) return fail(std::move(moved).error(), why);
  log::error("history file is not a sound database; it was renamed and a new one started",
             {{"file", *moved}, {"reason", why}});
  {
    const std::lock_guard guard(mutex_);
    moved_aside_ = *moved;
  }
  ++generation_;
  return open_sound();
}

Result<void> HistoryFile::Core::open_sound() {
  limits_.reset();
  recorder_.reset();
  db_.reset();
  auto db = open_history(options_.path);
  if (!db) return fail(std::move(db).error());
  db_ = std::move(*db);
  recorder_.emplace(*db_);
  limits_.emplace(*db_, *recorder_, options_.max_bytes, options_.retention, clock_);
  PGTEND_STORE_TRY(recorder_->load());
  PGTEND_STORE_TRY(limits_->start());
  oldest_seen_ = {-1, 0};
  show();
  auto first = oldest();
  if (!first) return fail(std::move(first).error());
  const std::lock_guard guard(mutex_);
  stats_.samples = recorder_->samples();
  stats_.series = recorder_->series();
  stats_.bytes = bytes_on_disk(options_.path);
  stats_.oldest = *first;
  stats_.newest = recorder_->newest();
  return {};
}

void HistoryFile::Core::show() {
  shared_->publish({recorder_->index(), generation_});
}

Result<void> HistoryFile::Core::append(SnapshotPtr snapshot) {
  if (!snapshot) return fail(Errc::invalid_argument, "no snapshot");
  const std::lock_guard guard(mutex_);
  if (queue_.size() + in_commit_ >= options_.queue_snapshots) {
    ++stats_.dropped_snapshots;
    if (failing_) return fail(Errc::unavailable, "history cannot be written; snapshot dropped");
    return fail(Errc::resource_exhausted, "history queue is full; snapshot dropped");
  }
  queue_.push_back(std::move(snapshot));
  return {};
}

HistoryFile::Core::Batch HistoryFile::Core::take() {
  const std::lock_guard guard(mutex_);
  Batch batch(queue_.begin(), queue_.end());
  queue_.clear();
  in_commit_ = batch.size();
  return batch;
}

void HistoryFile::Core::put_back(Batch batch) {
  const std::lock_guard guard(mutex_);
  queue_.insert(queue_.begin(), batch.begin(), batch.end());
  in_commit_ = 0;
  failing_ = true;
}

Result<void> HistoryFile::Core::write(std::span<const SnapshotPtr> part) {
  auto tx = Transaction::begin(*db_);
  if (!tx) return fail(std::move(tx).error());
  for (const auto& snapshot : part) PGTEND_STORE_TRY(recorder_->record(*snapshot));
  PGTEND_STORE_TRY(recorder_->finish_batch());
  PGTEND_STORE_TRY(tx->commit());
  recorder_->publish();
  show();
  return {};
}

// One transaction, unless the page limit is met: then the oldest samples go, and after that the batch is cut in halves.
Result<void> HistoryFile::Core::write_all(const Batch& batch, Progress& progress) {
  std::size_t chunk = batch.size();
  bool made_room = false;
  while (progress.done < batch.size()) {
    const auto part = std::span(batch).subspan(progress.done, std::min(chunk, batch.size() - progress.done));
    recorder_->reset_counts();
    auto written = write(part);
    if (written) {
      progress.done += part.size();
      progress.counts += recorder_->counts();
      made_room = false;
      continue;
    }
    if (written.error().code != Errc::resource_exhausted) return written;
    PGTEND_STORE_TRY(recorder_->load());
    if (!made_room) {
      auto made = limits_->make_room();
      if (!made) return fail(std::move(made).error());
      progress.limits += *made;
      made_room = true;
    } else if (part.size() > 1) {
      chunk = (part.size() + 1) / 2;
    } else {
      // One snapshot that alone exceeds the cap would hold up all others for ever.
      ++progress.done;
      const std::lock_guard guard(mutex_);
      ++stats_.dropped_snapshots;
    }
  }
  return {};
}

Result<CommitReport> HistoryFile::Core::commit() {
  const auto began = std::chrono::steady_clock::now();
  auto batch = take();
  Progress progress;
  const auto give_up = [&](Error error) -> Result<CommitReport> {
    log::error("history cannot be written", {{"reason", error.describe()}});
    // What is known in memory may be ahead of the file: the next commit starts from the file again.
    const bool corrupt = error.code == Errc::corrupt;
    limits_.reset();
    recorder_.reset();
    db_.reset();
    put_back(Batch(batch.begin() + static_cast<std::ptrdiff_t>(progress.done), batch.end()));
    if (corrupt) PGTEND_STORE_TRY(open_file());
    error.retryable = true;
    return fail(std::move(error), "history commit");
  };
  if (!db_ || !recorder_) {
    if (auto opened = open_file(); !opened) return give_up(std::move(opened).error());
  }
  const auto executed_before = db_->executed();
  if (auto written = write_all(batch, progress); !written) return give_up(std::move(written).error());
  auto limits = limits_->enforce();
  if (!limits) return give_up(std::move(limits).error());
  progress.limits += *limits;
  show();
  auto first = oldest();
  if (!first) return give_up(std::move(first).error());

  CommitReport report;
  report.snapshots = batch.size();
  report.samples = progress.counts.samples;
  report.stale_markers = progress.counts.stale_markers;
  report.new_series = progress.counts.new_series;
  report.statements = db_->executed() - executed_before;
  report.deleted_samples = progress.limits.deleted;
  report.bytes = bytes_on_disk(options_.path);
  const auto took = std::chrono::steady_clock::now() - began;
  report.duration = std::chrono::duration_cast<Millis>(took);

  const std::lock_guard guard(mutex_);
  in_commit_ = 0;
  failing_ = false;
  stats_.samples = recorder_->samples();
  stats_.series = recorder_->series();
  stats_.bytes = report.bytes;
  stats_.deleted_by_cap += progress.limits.deleted_by_cap;
  stats_.oldest = *first;
  stats_.newest = recorder_->newest();
  stats_.last_commit_ms = std::chrono::duration<double, std::milli>(took).count();
  return report;
}

Result<std::optional<UtcTime>> HistoryFile::Core::oldest() {
  auto bucket = db_->cached("SELECT min(bucket) FROM samples");
  if (!bucket) return fail(std::move(bucket).error());
  auto row = (*bucket)->step();
  if (!row) return fail(std::move(row).error());
  const bool none = !*row || (*bucket)->is_null(0);
  const auto found = none ? 0 : (*bucket)->integer(0);
  (*bucket)->reset();
  if (none) return std::optional<UtcTime>();
  if (found != oldest_seen_.first) {
    auto offset = db_->number("SELECT min(offset_ms) FROM samples WHERE bucket=" + std::to_string(found));
    if (!offset) return fail(std::move(offset).error());
    oldest_seen_ = {found, found * kBucketMs + *offset};
  }
  return std::optional(from_ms(oldest_seen_.second));
}

HistoryStats HistoryFile::Core::stats() const {
  const std::lock_guard guard(mutex_);
  return stats_;
}

std::optional<std::string> HistoryFile::Core::moved_aside() const {
  const std::lock_guard guard(mutex_);
  return moved_aside_;
}

}  // namespace pgtend::store
