#include "agent/engine/migrating.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <filesystem>

#include "agent/engine/wiring.hpp"
#include "agent/pg/dsn.hpp"
#include "agent/store/ledger.hpp"

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

// The ledger of an agent that is not running. Errors: refused when it cannot be known.
Result<std::string> frozen_in_ledger(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error) && !error) return std::string();
  const SystemClock clock;
  auto ledger = store::Ledger::open(path, clock);
  if (!ledger)
    return fail(Errc::refused,
                "it cannot be known whether changes are frozen: no agent answers, and its ledger says: " +
                    ledger.error().describe());
  auto state = (*ledger)->freeze_state();
  if (!state) return fail(std::move(state.error()), "read the freeze switch");
  return state->frozen ? state->by : std::string();
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

// Everything that needs the server.
net::Task<void> visit(const config::Config* config, const MigrateJob* job, pg::ConnectSpec spec,
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
  std::string frozen;
  if (acts(job.kind)) {
    auto by = job.frozen_by ? Result<std::string>(*job.frozen_by) : frozen_in_ledger(config.ledger.path);
    if (!by) return fail(std::move(by.error()));
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
  net::asio::co_spawn(io, visit(&config, &job, std::move(*spec), blocking.get_executor(), frozen, &out), ended);
  io.run();
  blocking.join();
  return out;
}

}  // namespace pgtend::engine
