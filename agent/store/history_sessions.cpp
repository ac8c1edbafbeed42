#include <filesystem>

#include "agent/store/files.hpp"
#include "agent/store/history_core.hpp"
#include "agent/store/session_rows.hpp"

// The read side of active sessions: of the agent's own file, and of one that no agent uses.
namespace pgtend::store {

namespace {

// Rows per read transaction: a reader that holds an old picture keeps the write-ahead log growing.
constexpr std::int64_t kRowsPerRead = 256;
// One that overlaps the range may end after it. Source: the longest interval of a collector.
constexpr Millis kLongestBucket{24LL * 3'600'000};

// Calls `bad` with the id of each row that is damaged.
Result<void> read_rows(const std::string& path, TimeRange range, const std::function<void(const SessionBucket&)>& take,
                       const std::function<void(std::int64_t)>& bad) {
  auto db = open_history_reader(path);
  if (!db) return fail(std::move(db).error());
  (*db)->set_deadline(std::chrono::steady_clock::now() + kReadDeadline);
  auto query = (*db)->prepare(
      "SELECT to_ms, from_ms, id, crc, data FROM sessions WHERE (to_ms, from_ms, id) > (?1, ?2, ?3) AND to_ms <= ?4"
      " AND from_ms < ?5 ORDER BY to_ms, from_ms, id LIMIT ?6");
  if (!query) return fail(std::move(query).error());
  std::int64_t to = to_ms(range.from), from = INT64_MAX, id = INT64_MAX;
  while (true) {
    query->bind(1, to).bind(2, from).bind(3, id).bind(4, to_ms(range.to + kLongestBucket));
    query->bind(5, to_ms(range.to)).bind(6, kRowsPerRead);
    std::int64_t rows = 0;
    while (true) {
      auto row = query->step();
      if (!row) return fail(std::move(row).error(), "read active sessions");
      if (!*row) break;
      ++rows;
      to = query->integer(0), from = query->integer(1), id = query->integer(2);
      const auto data = query->blob(4);
      const bool sound = query->integer(3) == sessions_crc(from, to, data);
      auto bucket = sound ? decode_sessions(from_ms(from), from_ms(to), data)
                          : Result<SessionBucket>(fail(Errc::corrupt, "check sum"));
      if (bucket) {
        take(*bucket);
      } else {
        bad(id);
      }
    }
    query->reset();
    if (rows < kRowsPerRead) return {};
  }
}

}  // namespace

Result<void> HistoryFile::read_sessions(TimeRange range, const std::function<void(const SessionBucket&)>& take) {
  if (!core_->shared()->view().file) return {};
  return read_rows(core_->path(), range, take, [faults = core_->faults()](std::int64_t id) {
    const std::lock_guard guard(faults->mutex);
    faults->bad_sessions.insert(id);
  });
}

Result<SessionReport> sessions_offline(const std::string& path, SessionQuestion question) {
  if (!std::filesystem::exists(path)) return fail(Errc::not_found, path + " does not exist");
  auto lock = FileLock::take(path);
  if (!lock) return fail(std::move(lock).error());
  const auto range = question.range;
  SessionSummary summary(std::move(question));
  std::int64_t damaged = 0;
  auto read = read_rows(
      path, range, [&](const SessionBucket& bucket) { summary.add(bucket); }, [&](std::int64_t) { ++damaged; });
  if (!read) return fail(std::move(read).error());
  auto report = summary.finish();
  if (damaged > 0)
    report.warnings.push_back(std::to_string(damaged) + " damaged rows were left out; see: pgtend db check " + path);
  return report;
}

}  // namespace pgtend::store
