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
  auto made = co_await make_tables(session->connection, session->set, limit);
  if (!made) co_return fail(std::move(made.error()));
  auto log = co_await read_log(session->connection, session->set, limit);
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
  auto intent = session->intend(*file, action);
  if (!intent) co_return fail(std::move(intent.error()), file->path + ": nothing of it was run");
  auto row = co_await apply(session, &work);
  if (row)
    session->tell((file->repeatable ? file->id : file->id + "__" + file->name) +
                  (action == Action::up ? " applied in " : " taken back in ") + std::to_string(row->duration_ms) +
                  " ms");
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
  auto log = co_await read_log(session->connection, session->set, limit);
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
  if (auto accepted = session->accept(*wanted); !accepted) {
    report.failure = std::move(accepted.error());
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

net::TaskResult<LogRow> note_baseline(Session* session, const Noted* noted) {
  const auto& identity = session->connection->identity();
  LogRow row;
  row.id = noted->file->id;
  row.name = noted->file->name;
  row.action = Action::baseline;
  row.checksum = noted->file->checksum;
  row.objects = "{}";
  row.applied_by = noted->by.empty() ? session->actor : noted->by;
  row.applied_at = noted->at.value_or(session->clock->now());
  row.system_identifier = identity.system_identifier;
  row.timeline = identity.timeline;
  const auto limit = session->in(kLook);
  auto done = co_await append(session->connection, session->set, std::move(row), limit);
  co_return done;
}

net::TaskResult<RowSet> note_baselines(Session* session, const std::vector<Noted>* wanted, Report* report) {
  auto begun = co_await run(session, "BEGIN");
  if (!begun) co_return begun;
  for (const auto& one : *wanted) {
    const auto* noted = &one;
    auto row = co_await note_baseline(session, noted);
    if (!row) co_return fail(std::move(row.error()));
    report->done.push_back(std::move(*row));
  }
  auto committed = co_await run(session, "COMMIT");
  co_return committed;
}

Result<void> may_note(const Session& session, const Log& log, const std::vector<Noted>& wanted) {
  if (!log.applied().empty() || log.progress)
    return fail(Errc::conflict, "migrations are applied here already; a baseline is for a database without any");
  for (const auto& one : wanted)
    if (auto intent = session.intend(*one.file, Action::baseline); !intent) return intent;
  return {};
}

}  // namespace

Result<std::vector<Noted>> up_to(const std::vector<MigrationFile>& files, std::uint64_t version) {
  std::vector<Noted> out;
  for (const auto& file : files)
    if (!file.repeatable && file.version <= version) out.push_back({&file, {}, {}});
  if (out.empty() || out.back().file->version != version)
    return fail(Errc::not_found, "there is no file of version " + std::to_string(version));
  return out;
}

net::Task<Report> baseline(Session* session, const std::vector<Noted>* wanted) {
  auto report = co_await begin(session);
  if (report.failure) co_return report;
  if (auto may = may_note(*session, report.log, *wanted); !may) {
    report.failure = std::move(may.error());
    co_return report;
  }
  auto done = co_await note_baselines(session, wanted, &report);
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
