#include "agent/store/history_core.hpp"

#include <algorithm>
#include <utility>

#include "agent/base/log.hpp"
#include "agent/store/session_rows.hpp"

namespace pgtend::store {

namespace {

RecorderOptions recorder_options(const HistoryOptions& options) {
  RecorderOptions out;
  out.max_series = options.max_series_per_collector;
  // What is in the head cannot age out: with a short retention blocks must be short, too.
  out.seal_at_latest = std::min(out.seal_at_latest, options.retention / 4);
  return out;
}

}  // namespace

HistoryFile::Core::Core(HistoryOptions options, PostToStore post, const Clock& clock)
    : options_(std::move(options)),
      post_(std::move(post)),
      clock_(clock),
      steps_(clock, kClockDrift),
      sealing_(options_),
      ballast_(ballast_of(options_.path), budget_of(options_.max_bytes).ballast) {
  recorder_.emplace(*head_, pending_, recorder_options(options_));
}

Result<void> HistoryFile::Core::start() {
  auto lock = FileLock::take(options_.path);
  if (!lock) return fail(std::move(lock).error());
  lock_ = std::move(*lock);
  if (auto opened = open_file(); !opened) {
    if (opened.error().code != Errc::unsupported) return opened;
    memory_only_ = opened.error().describe();
    log::error("history is kept in memory only", {{"reason", memory_only_}});
    const std::lock_guard guard(mutex_);
    stats_.trouble = memory_only_;
    return {};
  }
  recorder_->note_restart(clock_.now());
  if (auto written = write_all(); !written) return fail(std::move(written).error());
  return {};
}

Result<void> HistoryFile::Core::open_file() {
  auto opened = open_sound();
  if (opened || opened.error().code != Errc::corrupt) return opened;
  return replace_file(opened.error());
}

Result<void> HistoryFile::Core::replace_file(const Error& why) {
  limits_.reset();
  db_.reset();
  auto moved = move_aside(options_.path, "corrupt", clock_.now());
  if (!moved) return fail(std::move(moved).error(), why.describe());
  log::error("history file is not a sound database; it was renamed and a new one started",
             {{"file", *moved}, {"reason", why.describe()}});
  {
    const std::lock_guard guard(mutex_);
    moved_aside_ = *moved;
  }
  ++generation_;
  oldest_in_file_.reset();
  // Memory is ahead of any file now.
  if (loaded_) {
    recorder_->rewrite();
    // The rows of open columns went with the old file: as blocks what they hold is safe again within two commits.
    recorder_->seal_idle(clock_.now(), true);
    sealing_.add(recorder_->take_due());
  } else {
    pending_ = {};
    head_->scopes.clear();
    recorder_.emplace(*head_, pending_, recorder_options(options_));
  }
  return open_sound();
}

Result<void> HistoryFile::Core::open_sound() {
  limits_.reset();
  db_.reset();
  std::string migrated;
  auto db = open_history(options_.path, clock_.now(), migrated);
  if (!db) return fail(std::move(db).error());
  db_ = std::move(*db);
  limits_.emplace(*db_, options_, clock_);
  if (!loaded_) PGTEND_STORE_TRY(recorder_->load(*db_, clock_.now()));
  loaded_ = true;
  if (!migrated.empty()) PGTEND_STORE_TRY(take_over(migrated));
  auto shrunk = limits_->start();
  if (!shrunk) return fail(std::move(shrunk).error());
  note_deleted(*shrunk);
  if (auto filled = ballast_.fill(); !filled)
    log::warn("no ballast for history", {{"reason", filled.error().describe()}});
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

void HistoryFile::Core::set_expendable(std::set<std::string> collectors) {
  const std::lock_guard guard(mutex_);
  expendable_ = std::move(collectors);
}

bool HistoryFile::Core::drop_expendable(const Snapshot& snapshot) {
  if (!nearly_full_) return false;
  const std::lock_guard guard(mutex_);
  if (!expendable_.contains(snapshot.collector)) return false;
  ++stats_.dropped_snapshots;
  return true;
}

void HistoryFile::Core::show() {
  recorder_->publish();
  shared_->publish({recorder_->index(), generation_, db_ != nullptr});
}

Result<void> HistoryFile::Core::append(SnapshotPtr snapshot) {
  if (!snapshot) return fail(Errc::invalid_argument, "no snapshot");
  const std::lock_guard guard(mutex_);
  if (queue_.size() >= options_.queue_snapshots) {
    ++stats_.dropped_snapshots;
    if (failing_) return fail(Errc::unavailable, "history cannot be written; snapshot dropped");
    return fail(Errc::resource_exhausted, "history queue is full; snapshot dropped");
  }
  queue_.push_back(std::move(snapshot));
  return {};
}

bool HistoryFile::Core::has_new() const {
  const std::lock_guard guard(mutex_);
  return !queue_.empty() || !buckets_.empty() || unwritten_;
}

void HistoryFile::Core::append_sessions(SessionBucket bucket) {
  const std::lock_guard guard(mutex_);
  buckets_.push_back(std::move(bucket));
  if (buckets_.size() <= kMostWaitingBuckets) return;
  buckets_.pop_front();
  ++stats_.dropped_ticks;
}

void HistoryFile::Core::take_sessions() {
  std::deque<SessionBucket> taken;
  {
    const std::lock_guard guard(mutex_);
    taken.swap(buckets_);
  }
  for (const auto& bucket : taken)
    pending_.sessions.push_back({to_ms(bucket.from), to_ms(bucket.to), encode_sessions(bucket)});
}

void HistoryFile::Core::apply(const Batch& batch, std::size_t& next, bool writes) {
  const auto file = budget_of(options_.max_bytes).file;
  if (const auto step = steps_.look(); step > Millis(0)) recorder_->note_step(step);
  while (next < batch.size() && (!writes || pending_.bytes() < file / 8)) {
    const auto& snapshot = batch[next++];
    if (drop_expendable(*snapshot)) continue;
    if (auto recorded = recorder_->record(*snapshot); !recorded) {
      log::error("snapshot not stored", {{"collector", snapshot->collector}, {"reason", recorded.error().describe()}});
      const std::lock_guard guard(mutex_);
      ++stats_.dropped_snapshots;
    }
    sealing_.add(recorder_->take_due());
  }
  // Rows of the head must leave room for blocks.
  recorder_->seal_idle(clock_.now(), recorder_->row_bytes() > file / 4);
  sealing_.add(recorder_->take_due());
  show();
}

HistoryFile::Core::Batch HistoryFile::Core::take_queue() {
  const std::lock_guard guard(mutex_);
  Batch batch(queue_.begin(), queue_.end());
  queue_.clear();
  unwritten_ = unwritten_ || !batch.empty();
  return batch;
}

void HistoryFile::Core::absorb() {
  if (pending_.bytes() >= budget_of(options_.max_bytes).file / 8) return;
  const auto batch = take_queue();
  if (batch.empty()) return;
  recorder_->reset_counts();
  std::size_t next = 0;
  apply(batch, next, false);
  absorbed_.snapshots += batch.size();
  add_counts(absorbed_);
}

void HistoryFile::Core::add_counts(CommitReport& report) const {
  report.samples += recorder_->counts().samples;
  report.stale_markers += recorder_->counts().stale_markers;
  report.new_series += recorder_->counts().new_series;
}

Result<CommitReport> HistoryFile::Core::commit() {
  const auto began = std::chrono::steady_clock::now();
  const auto batch = take_queue();
  note_faults();
  take_sessions();
  CommitReport report = std::exchange(absorbed_, {});
  report.snapshots += batch.size();
  recorder_->reset_counts();
  Result<void> written = look_at_structure();
  std::size_t next = 0;
  do {
    apply(batch, next, written.has_value());
    // When the file cannot be written, memory goes on.
    if (written) written = write_and_limit(report);
    bound_memory();
  } while (next < batch.size());
  add_counts(report);
  if (written) written = scrub();
  show();
  std::optional<UtcTime> first;
  if (written)
    if (auto found = oldest()) first = *found;
  const auto took = std::chrono::steady_clock::now() - began;
  report.duration = std::chrono::duration_cast<Millis>(took);
  note(report, written, first);
  {
    const std::lock_guard guard(mutex_);
    stats_.last_commit_ms = std::chrono::duration<double, std::milli>(took).count();
  }
  if (written) return report;
  log::error("history cannot be written", {{"reason", written.error().describe()}});
  auto error = std::move(written).error();
  error.retryable = true;
  return fail(std::move(error), "history commit");
}

void HistoryFile::Core::note(const CommitReport& report, const Result<void>& written, std::optional<UtcTime> oldest) {
  const std::lock_guard guard(mutex_);
  failing_ = !written;
  unwritten_ = failing_;
  stats_.trouble = !memory_only_.empty() ? memory_only_ : written ? std::string() : written.error().describe();
  if (stats_.trouble.empty() && nearly_full_)
    stats_.trouble = "history is nearly full of what cannot be deleted; heavy collectors are not stored";
  stats_.samples = recorder_->samples();
  stats_.series = recorder_->series();
  stats_.active_series = recorder_->active_series();
  stats_.over_quota = recorder_->over_quota();
  stats_.newest = recorder_->newest();
  stats_.bytes = report.bytes;
  if (written) stats_.oldest = oldest;
  const std::lock_guard faults(faults_->mutex);
  stats_.bad_blocks =
      static_cast<std::int64_t>(faults_->known_bad.size() + faults_->bad_sessions.size()) + recorder_->damaged_rows();
}

Result<std::optional<UtcTime>> HistoryFile::Core::oldest() {
  std::optional<UtcTime> first;
  if (const auto head = recorder_->oldest_in_head()) first = from_ms(*head);
  if (!db_ || !limits_) return first;
  if (!oldest_in_file_) {
    auto found = limits_->oldest_raw_ms();
    if (!found) return fail(std::move(found).error());
    oldest_in_file_ = *found;
  }
  if (*oldest_in_file_ != 0) first = first ? std::min(*first, from_ms(*oldest_in_file_)) : from_ms(*oldest_in_file_);
  return first;
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
