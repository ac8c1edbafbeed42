#include "agent/engine/migrating.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <filesystem>

#include "agent/engine/wiring.hpp"
#include "agent/pg/dsn.hpp"

namespace pgtend::engine {

namespace {

constexpr Millis kConnectTime{10'000};

Result<pg::ConnectSpec> spec_of(const config::PostgresqlConfig& config, const MigrateJob& job) {
  const auto lanes = lane_options(config);
  auto spec = config.operator_role ? lanes.operator_ : lanes.monitor;
  if (!job.dsn.empty()) {
    auto given = pg::parse_dsn(job.dsn);
    if (!given) return fail(std::move(given.error()), "--dsn");
    spec = {};
    spec.parameters = std::move(*given);
    spec.insecure_ok = config.insecure_ok;
  }
  if (!job.database.empty()) spec.parameters["dbname"] = job.database;
  return spec;
}

Result<void> not_frozen(const config::Config& config, const std::string& by) {
  std::error_code ignored;
  const auto& file = config.change.freeze_file;
  std::string who = by;
  if (config.policy.frozen) who = "policy.frozen in the configuration";
  if (!file.empty() && std::filesystem::exists(file, ignored)) who = "file " + file;
  if (who.empty()) return {};
  return fail(Errc::refused, "changes are frozen by " + who + "; nothing is applied until that ends (pgtend freeze)");
}

bool acts(MigrateJob::Kind kind) {
  return kind == MigrateJob::Kind::up || kind == MigrateJob::Kind::down || kind == MigrateJob::Kind::baseline;
}

net::Task<migrate::Report> act(migrate::Session* session, const MigrateJob* job, const MigrateResult* out) {
  using Kind = MigrateJob::Kind;
  auto task = job->kind == Kind::up     ? migrate::up(session, &out->files, job->up)
              : job->kind == Kind::down ? migrate::down(session, &out->files, job->down)
                                        : migrate::baseline(session, &out->files, job->baseline);
  auto report = co_await std::move(task);
  co_return report;
}

net::TaskResult<migrate::Log> look(migrate::Session* session, const MigrateJob* job, MigrateResult* out) {
  const auto limit = session->in(migrate::kLook);
  auto log = co_await migrate::read_log(session->connection, limit);
  if (!log || job->kind != MigrateJob::Kind::verify) co_return log;
  auto expected = migrate::expected_objects(*log);
  if (!expected) co_return fail(std::move(expected.error()));
  auto now = co_await migrate::read_catalog(session->connection, limit);
  if (!now) co_return fail(std::move(now.error()));
  out->drift = migrate::object_drift(*expected, *now);
  co_return log;
}

// Compares with the ledger's copy, and brings that up to date when something was done. What it cannot do is a note: the
// database has the history, and a later run catches up.
void mirror(const MigrateJob& job, const LedgerDoor& door, const std::string& system, const migrate::Log& log,
            MigrateResult& out) {
  const auto key = migrate::mirror_key(system, out.database);
  const auto trouble = [&](const Error& error) {
    out.notes.push_back("the ledger's copy of the history was not used: " + error.describe());
  };
  const auto text = door.history(key);
  if (!text) return trouble(text.error());
  const auto copy = migrate::parse_mirror(*text);
  if (!copy) return trouble(copy.error());
  if (!acts(job.kind)) {
    out.items = migrate::items(out.files, log, migrate::lost(*copy, log));
    return;
  }
  auto drafts = migrate::audit_of(*copy, log, out.database);
  if (out.failure)
    drafts.push_back({job.actor, "migrate." + std::string(job.kind == MigrateJob::Kind::down ? "down" : "up"),
                      out.database, "", "", out.failure->describe()});
  if (drafts.empty()) return;
  if (const auto noted = door.note(key, migrate::to_text(log), drafts); !noted) trouble(noted.error());
}

// Everything that needs the server.
net::Task<void> visit(const config::Config* config, const MigrateJob* job, const LedgerDoor* door, pg::ConnectSpec spec,
                      net::asio::any_io_executor blocking, std::string frozen, MigrateResult* out) {
  const SystemClock clock;
  const auto limit = clock.steady_now() + kConnectTime;
  auto connection = co_await pg::Connection::connect(std::move(spec), std::move(blocking), limit);
  if (!connection) {
    out->failure = std::move(connection.error());
    co_return;
  }
  migrate::Session session;
  session.connection = connection->get();
  session.options = pipeline_options(*config);
  if (job->wait) session.options.advisory_wait = *job->wait;
  session.clock = &clock;
  session.actor = job->actor;
  session.may_act = [config, frozen] { return not_frozen(*config, frozen); };
  session.tell = job->tell ? job->tell : [](const std::string&) {};
  const auto& identity = session.connection->identity();
  out->server = "PostgreSQL " + identity.server_version + ", " + std::string(to_string(identity.role));
  out->database = session.connection->database();
  migrate::Log log;
  if (acts(job->kind)) {
    auto report = co_await act(&session, job, out);
    out->done = std::move(report.done);
    out->failure = std::move(report.failure);
    log = std::move(report.log);
  } else {
    auto seen = co_await look(&session, job, out);
    if (!seen) {
      out->failure = std::move(seen.error());
      co_return;
    }
    log = std::move(*seen);
  }
  out->items = migrate::items(out->files, log);
  // A run that could not even begin has read no history.
  const bool known = !acts(job->kind) || !log.rows.empty() || !out->failure;
  if (known) mirror(*job, *door, identity.system_identifier, log, *out);
  out->broken_chain = log.broken();
  auto pending = migrate::pending(out->files, log, job->up);
  if (pending) {
    out->pending = std::move(*pending);
  } else {
    out->obstacle = std::move(pending.error());
  }
}

}  // namespace

Result<MigrateResult> run_migrations(const config::Config& config, const MigrateJob& job) {
  MigrateResult out;
  auto files = migrate::read_folder(job.folder);
  if (!files) return fail(std::move(files.error()));
  out.files = std::move(*files);
  auto spec = spec_of(config.postgresql, job);
  if (!spec) return fail(std::move(spec.error()));
  const auto door = job.agent ? *job.agent : ledger_file_door(config.ledger.path);
  std::string frozen;
  if (acts(job.kind)) {
    auto by = door.frozen_by();
    if (!by) return fail(Errc::refused, "it cannot be known whether changes are frozen: " + by.error().describe());
    frozen = std::move(*by);
    if (auto may = not_frozen(config, frozen); !may) return fail(std::move(may.error()));
  }
  net::asio::io_context io(1);
  net::asio::thread_pool blocking(1);
  auto ended = [&out](const std::exception_ptr& failure) {
    if (failure && !out.failure) {
      out.failure.emplace();
      out.failure->message = "internal error";
    }
  };
  net::asio::co_spawn(io, visit(&config, &job, &door, std::move(*spec), blocking.get_executor(), frozen, &out), ended);
  io.run();
  blocking.join();
  return out;
}

}  // namespace pgtend::engine
