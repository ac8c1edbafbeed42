#include "agent/store/history_file.hpp"

#include <future>

#include "agent/store/backup.hpp"
#include "agent/store/history_core.hpp"
#include "agent/store/reader_pool.hpp"

namespace pgtend::store {

HistoryFile::HistoryFile(std::shared_ptr<Core> core) : core_(std::move(core)) {
  auto make = [path = core_->path(), shared = core_->shared(), head = core_->head(), faults = core_->faults()] {
    return std::make_unique<FileReader>(path, shared, head, faults);
  };
  readers_ = std::make_shared<ReaderPool>(std::move(make));
}
// The writer's connection is the last to close: it brings the log into the file.
HistoryFile::~HistoryFile() {
  readers_->close();
}

Result<std::unique_ptr<HistoryFile>> HistoryFile::open(HistoryOptions options, PostToStore post, const Clock& clock) {
  if (options.path.empty()) return fail(Errc::invalid_argument, "history needs a file name");
  if (options.max_bytes < kMinHistoryBytes)
    return fail(Errc::invalid_argument, "history needs max_bytes of at least " + std::to_string(kMinHistoryBytes));
  if (options.queue_snapshots == 0 || options.retention <= Millis(0) || !post)
    return fail(Errc::invalid_argument, "history needs a queue, a retention above zero and a store thread");
  auto core = std::make_shared<Core>(std::move(options), std::move(post), clock);
  if (auto started = core->start(); !started) return fail(std::move(started).error(), "open history");
  return std::unique_ptr<HistoryFile>(new HistoryFile(std::move(core)));
}

Result<void> HistoryFile::append(SnapshotPtr snapshot) {
  return core_->append(std::move(snapshot));
}

void HistoryFile::append_sessions(SessionBucket bucket) {
  core_->append_sessions(std::move(bucket));
}

void HistoryFile::absorb() {
  core_->absorb();
}

bool HistoryFile::has_new() const {
  return core_->has_new();
}

Result<CommitReport> HistoryFile::commit() {
  return core_->commit();
}

Result<void> HistoryFile::flush() {
  auto done = std::make_shared<std::promise<Result<void>>>();
  auto answer = done->get_future();
  core_->post()([core = core_, done = std::move(done)] {
    auto report = core->commit();
    done->set_value(report ? Result<void>() : Result<void>(fail(std::move(report).error())));
  });
  if (answer.wait_for(kFlushTimeout) != std::future_status::ready)
    return fail(Errc::timeout, "history was not committed within " + std::to_string(kFlushTimeout.count()) + " ms",
                true);
  try {
    return answer.get();
  } catch (const std::future_error&) {
    return fail(Errc::unavailable, "the store thread has ended");
  }
}

void HistoryFile::set_expendable(std::set<std::string> collectors) {
  core_->set_expendable(std::move(collectors));
}

Result<std::unique_ptr<HistoryReader>> HistoryFile::reader() {
  return readers_->borrow();
}

Result<void> HistoryFile::add_past(const Snapshot& snapshot) {
  return core_->add_past(snapshot);
}

Result<void> HistoryFile::seal() {
  return core_->seal();
}

Result<void> HistoryFile::backup(const std::string& to) {
  using Step = std::shared_ptr<std::promise<Result<bool>>>;
  auto running = std::make_shared<std::unique_ptr<Backup>>();
  const auto deadline = std::chrono::steady_clock::now() + kBackupTimeout;
  while (std::chrono::steady_clock::now() < deadline) {
    Step done = std::make_shared<std::promise<Result<bool>>>();
    auto answer = done->get_future();
    // Commits run between two steps.
    core_->post()([core = core_, running, to, done] { done->set_value(core->backup_step(*running, to)); });
    if (answer.wait_for(kFlushTimeout) != std::future_status::ready)
      return fail(Errc::timeout,
                  "the store thread did not answer within " + std::to_string(kFlushTimeout.count()) + " ms");
    auto complete = answer.get();
    if (!complete) return fail(std::move(complete).error(), "backup");
    if (*complete) return {};
  }
  return fail(Errc::timeout, "the backup took too long");
}

HistoryStats HistoryFile::stats() const {
  return core_->stats();
}

std::optional<std::string> HistoryFile::moved_aside() const {
  return core_->moved_aside();
}

}  // namespace pgtend::store
