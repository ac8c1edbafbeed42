#include "agent/change/migrate/runner.hpp"

#include <algorithm>

#include "agent/change/migrate/apply.hpp"

namespace pgtend::migrate {

namespace {

// The lock first, then the log: what another runner did meanwhile counts.
net::TaskResult<Log> lock_and_read(Session* session) {
  auto may = may_migrate(*session->connection);
  if (!may) co_return fail(std::move(may.error()));
  auto free = session->may_act();
  if (!free) co_return fail(std::move(free.error()));
  auto locked = co_await take_lock(session);
  if (!locked) co_return fail(std::move(locked.error()));
  const auto limit = session->in(kLook);
  auto made = co_await make_tables(session->connection, limit);
  if (!made) co_return fail(std::move(made.error()));
  auto log = co_await read_log(session->connection, limit);
  co_return log;
}

// A report that has the log, or why nothing can be done.
net::Task<Report> begin(Session* session) {
  Report report;
  auto log = co_await lock_and_read(session);
  if (log) {
    report.log = std::move(*log);
  } else {
    report.failure = std::move(log.error());
  }
  co_return report;
}

Progress progress_of(const Log& log, const MigrationFile& file, const std::string& action) {
  Progress fresh;
  fresh.id = file.id;
  fresh.action = action;
  if (!log.progress || log.progress->id != file.id) return fresh;
  if (log.progress->action == "undo" && action == "down") {
    auto goes_on = *log.progress;
    goes_on.action = action;
    return goes_on;
  }
  // A change that went half way up is taken back from its first statement of @down on.
  if (log.progress->action != action && log.progress->action != "undo") {
    fresh.objects = log.progress->objects;
    return fresh;
  }
  return *log.progress;
}

net::TaskResult<LogRow> apply_one(Session* session, const Log* log, const MigrationFile* file, Action action) {
  auto expected = expected_objects(*log);
  if (!expected) co_return fail(std::move(expected.error()));
  Work work;
  work.file = file;
  work.action = action;
  work.progress = progress_of(*log, *file, action == Action::up ? "up" : "down");
  work.expected = std::move(*expected);
  auto row = co_await apply(session, &work);
  if (row)
    session->tell(file->id + "__" + file->name + (action == Action::up ? " applied in " : " taken back in ") +
                  std::to_string(row->duration_ms) + " ms");
  co_return row;
}

net::Task<void> apply_all(Session* session, std::vector<const MigrationFile*> wanted, Action action, Report* report) {
  for (const auto* file : wanted) {
    auto row = co_await apply_one(session, &report->log, file, action);
    if (!row) {
      report->failure = std::move(row.error());
      break;
    }
    report->done.push_back(*row);
    report->log.rows.push_back(*row);
    report->log.progress.reset();
  }
  if (!report->failure || !session->connection->healthy()) co_return;
  const auto limit = session->in(kLook);
  auto log = co_await read_log(session->connection, limit);
  if (log) report->log = std::move(*log);
}

}  // namespace

net::Task<Report> up(Session* session, const std::vector<MigrationFile>* files, UpOptions options) {
  auto report = co_await begin(session);
  if (report.failure) co_return report;
  auto wanted = pending(*files, report.log, options);
  if (!wanted) {
    report.failure = std::move(wanted.error());
    co_return report;
  }
  co_await apply_all(session, std::move(*wanted), Action::up, &report);
  co_return report;
}

net::Task<Report> down(Session* session, const std::vector<MigrationFile>* files, DownOptions options) {
  auto report = co_await begin(session);
  if (report.failure) co_return report;
  auto wanted = to_take_back(*files, report.log, options);
  if (!wanted) {
    report.failure = std::move(wanted.error());
    co_return report;
  }
  co_await apply_all(session, std::move(*wanted), Action::down, &report);
  co_return report;
}

namespace {

net::TaskResult<LogRow> note_baseline(Session* session, const MigrationFile* file) {
  const auto& identity = session->connection->identity();
  LogRow row;
  row.id = file->id;
  row.name = file->name;
  row.action = Action::baseline;
  row.checksum = file->checksum;
  row.objects = "{}";
  row.applied_by = session->actor;
  row.applied_at = session->clock->now();
  row.system_identifier = identity.system_identifier;
  row.timeline = identity.timeline;
  const auto limit = session->in(kLook);
  auto noted = co_await append(session->connection, std::move(row), limit);
  co_return noted;
}

net::TaskResult<RowSet> note_baselines(Session* session, const std::vector<MigrationFile>* files, std::uint64_t version,
                                       Report* report) {
  auto begun = co_await run(session, "BEGIN");
  if (!begun) co_return begun;
  for (const auto& one : *files) {
    if (one.repeatable || one.version > version) continue;
    const auto* file = &one;
    auto row = co_await note_baseline(session, file);
    if (!row) co_return fail(std::move(row.error()));
    report->done.push_back(std::move(*row));
  }
  auto committed = co_await run(session, "COMMIT");
  co_return committed;
}

}  // namespace

net::Task<Report> baseline(Session* session, const std::vector<MigrationFile>* files, std::uint64_t version) {
  auto report = co_await begin(session);
  if (report.failure) co_return report;
  const bool known = std::any_of(files->begin(), files->end(), [&](const MigrationFile& file) {
    return !file.repeatable && file.version == version;
  });
  const bool begun = !report.log.applied().empty() || report.log.progress;
  tl::expected<RowSet, Error> done;
  if (begun) {
    done = fail(Errc::conflict, "migrations are applied here already; a baseline is for a database without any");
  } else if (!known) {
    done = fail(Errc::not_found, "there is no file of version " + std::to_string(version));
  } else {
    auto noted = co_await note_baselines(session, files, version, &report);
    done = std::move(noted);
  }
  if (done) {
    report.log.rows.insert(report.log.rows.end(), report.done.begin(), report.done.end());
    co_return report;
  }
  report.failure = std::move(done.error());
  report.done.clear();
  auto rolled = co_await roll_back(session);
  if (!rolled) session->tell(rolled.error().describe());
  co_return report;
}

}  // namespace pgtend::migrate
