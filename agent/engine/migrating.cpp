#include "agent/engine/migrating.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <filesystem>

#include "agent/base/strings.hpp"
#include "agent/engine/migration_baseline.hpp"
#include "agent/engine/wiring.hpp"
#include "agent/pg/dsn.hpp"

namespace pgtend::engine {

namespace {

constexpr Millis kConnectTime{10'000};
// An answer younger than this is taken for now: a script may have thousands of short statements.
constexpr Millis kFreezeAge{100};

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
  if (!job.user.empty()) {
    spec = lanes.monitor;
    spec.parameters["user"] = job.user;
    spec.parameters.erase("passfile");
  }
  if (!job.database.empty()) spec.parameters["dbname"] = job.database;
  return spec;
}

// Whether others' sessions can be seen: by the configuration's watching role, which the operator need not be.
std::optional<pg::ConnectSpec> watcher_spec_of(const config::PostgresqlConfig& config, const MigrateJob& job) {
  if (!job.dsn.empty() || !job.user.empty() || !config.operator_role) return std::nullopt;
  auto spec = lane_options(config).monitor;
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

// That of the agent which answers now, else the file's: one may start or stop during a run.
LedgerDoor door_of(const config::Config& config, const MigrateJob& job) {
  auto agent = job.agent ? job.agent() : std::nullopt;
  return agent ? std::move(*agent) : ledger_file_door(config.ledger.path);
}

// The freeze switch as it is now. An agent may start or stop during the run; the file of one that does not run stays as
// it is, so that it is read once.
class FreezeSwitch {
 public:
  FreezeSwitch(const config::Config& config, const MigrateJob& job) : config_(config), job_(job) {}

  Result<void> may_act() {
    const auto now = std::chrono::steady_clock::now();
    if (!asked_ || now - *asked_ >= kFreezeAge) {
      auto by = ask();
      if (!by) return fail(Errc::refused, "it cannot be known whether changes are frozen: " + by.error().describe());
      by_ = std::move(*by);
      asked_ = now;
    }
    return not_frozen(config_, by_);
  }

 private:
  Result<std::string> ask() {
    if (const auto door = job_.agent ? job_.agent() : std::nullopt) {
      in_file_.reset();
      return door->frozen_by();
    }
    if (in_file_) return *in_file_;
    auto by = ledger_file_door(config_.ledger.path).frozen_by();
    if (by) in_file_ = *by;
    return by;
  }

  const config::Config& config_;
  const MigrateJob& job_;
  std::optional<Deadline> asked_;
  std::optional<std::string> in_file_;
  std::string by_;
};

bool acts(MigrateJob::Kind kind) {
  return kind == MigrateJob::Kind::up || kind == MigrateJob::Kind::down || kind == MigrateJob::Kind::baseline;
}

Result<std::vector<migrate::Noted>> baseline_of(const MigrateJob& job, const MigrateResult& out) {
  if (job.adopted) return adopted_baseline(*job.adopted, out.files, job.baseline, job.actor);
  return migrate::up_to(out.files, job.baseline.value_or(0));
}

net::Task<migrate::Report> act(migrate::Session* session, const MigrateJob* job, const MigrateResult* out) {
  using Kind = MigrateJob::Kind;
  Result<std::vector<migrate::Noted>> noted = std::vector<migrate::Noted>();
  if (job->kind == Kind::baseline) noted = baseline_of(*job, *out);
  if (!noted) {
    migrate::Report report;
    report.failure = std::move(noted.error());
    co_return report;
  }
  auto task = job->kind == Kind::up     ? migrate::up(session, &out->files, job->up)
              : job->kind == Kind::down ? migrate::down(session, &out->files, job->down)
                                        : migrate::baseline(session, &*noted);
  auto report = co_await std::move(task);
  co_return report;
}

net::TaskResult<migrate::Log> look(migrate::Session* session, const MigrateJob* job, MigrateResult* out) {
  const auto limit = session->in(migrate::kLook);
  auto log = co_await migrate::read_log(session->connection, session->set, limit);
  if (!log || job->kind != MigrateJob::Kind::verify) co_return log;
  auto expected = migrate::expected_objects(*log);
  if (!expected) co_return fail(std::move(expected.error()));
  auto now = co_await migrate::read_catalog(session->connection, limit);
  if (!now) co_return fail(std::move(now.error()));
  out->drift = migrate::object_drift(*expected, *now);
  co_return log;
}

// The audit row that says what is about to be done. It is kept with the copy as that is.
Result<void> intend(const MigrateJob& job, const LedgerDoor& door, const std::string& key, const std::string& database,
                    const migrate::MigrationFile& file, migrate::Action action) {
  const auto copy = door.history(key);
  const auto allowed = job.allow.empty() ? std::string() : "allowed: " + join(job.allow, " ");
  const store::AuditDraft draft{job.actor,
                                "migrate." + std::string(to_string(action)) + ".intent",
                                database + "/" + file.id,
                                allowed,
                                file.checksum,
                                "ok"};
  auto noted = copy ? door.note(key, *copy, {draft}) : Result<void>(fail(copy.error()));
  if (noted) return {};
  return fail(Errc::refused, "the ledger cannot keep what is about to be done: " + noted.error().describe());
}

// Compares with the ledger's copy, and brings that up to date when something was done. What it cannot do is a note: the
// database has the history, and a later run catches up.
void mirror(const MigrateJob& job, const LedgerDoor& door, const std::string& system, const migrate::Log& log,
            MigrateResult& out) {
  const auto key = migrate::mirror_key(system, out.database, job.set);
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

// What the parts of a run share.
struct Visit {
  const config::Config& config;
  const MigrateJob& job;
  net::asio::any_io_executor blocking;
  FreezeSwitch& freeze;
  MigrateResult& out;
};

void fill(migrate::Session& session, const Visit& visit) {
  const auto& job = visit.job;
  const auto& identity = session.connection->identity();
  const auto key = migrate::mirror_key(identity.system_identifier, session.connection->database(), job.set);
  session.options = pipeline_options(visit.config);
  if (job.wait) session.options.advisory_wait = *job.wait;
  session.set = job.set;
  session.actor = job.actor;
  session.blocking = visit.blocking;
  session.may_act = [&visit] { return visit.freeze.may_act(); };
  session.tell = job.tell ? job.tell : [](const std::string&) {};
  session.accept = [&visit, version = identity.version_num](const auto& files) {
    return accept_lint(lint_for_server(files, version), visit.job.allow);
  };
  session.intend = [&visit, key](const migrate::MigrationFile& file, migrate::Action action) {
    return intend(visit.job, door_of(visit.config, visit.job), key, visit.out.database, file, action);
  };
}

net::TaskResult<RowSet> must_be_superuser(migrate::Session* session) {
  const std::string sql = "SELECT rolsuper AS super FROM pg_catalog.pg_roles WHERE rolname = current_user";
  const pg::Params none;
  const auto limit = session->in(migrate::kLook);
  auto rows = co_await session->connection->query(sql, none, limit);
  if (!rows || rows->boolean(0, "super")) co_return rows;
  co_return fail(Errc::permission, session->connection->user() + " is no superuser, and only one may do this");
}

net::TaskResult<migrate::Log> act_or_look(migrate::Session* session, const Visit* visit) {
  auto& out = visit->out;
  if (visit->job.only_superuser && acts(visit->job.kind)) {
    auto may = co_await must_be_superuser(session);
    if (!may) co_return fail(std::move(may.error()));
  }
  if (!acts(visit->job.kind)) {
    auto seen = co_await look(session, &visit->job, &out);
    co_return seen;
  }
  auto report = co_await act(session, &visit->job, &out);
  out.done = std::move(report.done);
  out.failure = std::move(report.failure);
  co_return std::move(report.log);
}

// Everything that needs the server.
net::Task<void> call(const Visit* visit, pg::ConnectSpec spec, std::optional<pg::ConnectSpec> watching) {
  const SystemClock clock;
  auto& out = visit->out;
  const auto limit = clock.steady_now() + kConnectTime;
  auto connection = co_await pg::Connection::connect(std::move(spec), visit->blocking, limit);
  if (!connection) {
    out.failure = std::move(connection.error());
    co_return;
  }
  migrate::Session session;
  session.connection = connection->get();
  session.clock = &clock;
  std::unique_ptr<pg::Connection> watcher;
  if (watching && acts(visit->job.kind)) {
    auto second = co_await pg::Connection::connect(std::move(*watching), visit->blocking, limit);
    if (!second) out.notes.push_back("standbys and disk are looked at by the operator: " + second.error().describe());
    if (second) watcher = std::move(*second);
    session.watcher = watcher.get();
  }
  const auto& identity = session.connection->identity();
  out.server = "PostgreSQL " + identity.server_version + ", " + std::string(to_string(identity.role));
  out.database = session.connection->database();
  fill(session, *visit);
  auto log = co_await act_or_look(&session, visit);
  if (!log) {
    out.failure = std::move(log.error());
    co_return;
  }
  out.items = migrate::items(out.files, *log);
  // A run that could not even begin has read no history.
  const bool known = !acts(visit->job.kind) || !log->rows.empty() || !out.failure;
  if (known) mirror(visit->job, door_of(visit->config, visit->job), identity.system_identifier, *log, out);
  out.broken_chain = log->broken();
  auto pending = migrate::pending(out.files, *log, visit->job.up);
  if (pending) {
    out.pending = std::move(*pending);
    out.lint = lint_for_server(out.pending, identity.version_num);
    if (auto accepted = accept_lint(out.lint, visit->job.allow); !accepted) out.obstacle = std::move(accepted.error());
  } else {
    out.obstacle = std::move(pending.error());
  }
}

}  // namespace

Result<MigrateResult> run_migrations(const config::Config& config, const MigrateJob& job) {
  MigrateResult out;
  auto files = job.files.empty() ? migrate::read_folder(job.folder) : job.files;
  if (!files) return fail(std::move(files.error()));
  out.files = std::move(*files);
  auto spec = spec_of(config.postgresql, job);
  if (!spec) return fail(std::move(spec.error()));
  FreezeSwitch freeze(config, job);
  if (acts(job.kind))
    if (auto may = freeze.may_act(); !may) return fail(std::move(may.error()));
  net::asio::io_context io(1);
  net::asio::thread_pool blocking(1);
  auto ended = [&out](const std::exception_ptr& failure) {
    if (failure && !out.failure) {
      out.failure.emplace();
      out.failure->message = "internal error";
    }
  };
  const Visit visit{config, job, blocking.get_executor(), freeze, out};
  net::asio::co_spawn(io, call(&visit, std::move(*spec), watcher_spec_of(config.postgresql, job)), ended);
  io.run();
  blocking.join();
  return out;
}

}  // namespace pgtend::engine
