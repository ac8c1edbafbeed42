#pragma once

#include <functional>
#include <random>
#include <string>

#include "agent/change/migrate/file.hpp"
#include "agent/change/migrate/log.hpp"
#include "agent/change/options.hpp"

// Inside agent/change/migrate: the session that applies, its settings and its lock.
namespace pgtend::migrate {

// What every step of a run shares. REQUIRES: outlives the run; used from its I/O thread.
struct Session {
  pg::Connection* connection = nullptr;
  // The same database as a role that sees what others do (pg_monitor); null: `connection` must do.
  pg::Connection* watcher = nullptr;
  net::asio::any_io_executor blocking;  // for the look at the disk; empty: it is not looked at
  std::string set = kChangeSet;
  change::PipelineOptions options;
  const Clock* clock = nullptr;
  std::mt19937_64 random{std::random_device{}()};
  std::string actor;                                  // who asked; kept in the log
  std::function<Result<void>()> may_act;              // the freeze switch, asked before each statement
  std::function<void(const std::string& line)> tell;  // what happens, for a person
  // Asked once, before anything runs, with all that `up` would apply.
  std::function<Result<void>(const std::vector<const MigrationFile*>&)> accept = [](const auto&) -> Result<void> {
    return {};
  };
  // Writes down what is about to be done; a file whose intent cannot be kept is not begun.
  std::function<Result<void>(const MigrationFile&, Action)> intend = [](const auto&, Action) -> Result<void> {
    return {};
  };
  bool told_of_lag = false;  // that it is not known

  [[nodiscard]] Deadline in(Millis time) const { return clock->steady_now() + time; }
  [[nodiscard]] Millis jitter(Millis limit) {
    return Millis(std::uniform_int_distribution<std::int64_t>(0, limit.count())(random));
  }
};

inline constexpr Millis kLook{30'000};  // statements of our own

// Refuses a pooler and a standby. Errors: refused.
[[nodiscard]] Result<void> may_migrate(const pg::Connection& connection);
// Takes the database's lock, so that two runners, or a runner and an agent's change, never work at once. Errors:
// timeout (somebody else holds it; retryable).
net::TaskResult<RowSet> take_lock(Session* session);

// What must hold before a transaction, or a statement outside of one, is begun: no freeze, and no standby further
// behind than `max_replica_lag`, which is waited for up to `wait_budget`. Errors: refused, unavailable (retryable).
net::TaskResult<RowSet> may_begin(Session* session);
// Whether the disk has room for the index that the step builds. Errors: resource_exhausted (retryable).
net::TaskResult<RowSet> look_for_room(Session* session, const MigrationFile* file, const Step* step);

// Forgets what a migration set in this session, and sets the file's limits.
net::TaskResult<RowSet> prepare(Session* session, const MigrationFile* file);
// One of our own statements without parameters; BEGIN and COMMIT too.
net::TaskResult<RowSet> run(Session* session, std::string sql);
// Leaves a transaction that failed; keeps quiet where there is none.
net::TaskResult<RowSet> roll_back(Session* session);
// One statement of the file that changes something; the freeze switch is asked first. Errors: refused, as run_step().
net::TaskResult<RowSet> run_change(Session* session, const MigrationFile* file, const Step* step);
// One statement of the file, at its place. Errors: the server's, with file:line; what lacks a right names the cure.
net::TaskResult<RowSet> run_step(Session* session, const MigrationFile* file, const Step* step);
// SET LOCAL ROLE of the header. Errors: permission with the GRANT.
net::TaskResult<RowSet> become_role(Session* session, const MigrationFile* file, bool local);
// Checks of @pre or @post inside the caller's transaction, which they leave as it was. Errors: refused, with file:line
// and the numbers that the check gave.
net::TaskResult<RowSet> run_checks(Session* session, const MigrationFile* file, const std::vector<Step>* checks);

}  // namespace pgtend::migrate
