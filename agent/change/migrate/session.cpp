#include "agent/change/migrate/session.hpp"

#include "agent/base/strings.hpp"
#include "agent/change/locks.hpp"
#include "agent/change/plan_hash.hpp"

namespace pgtend::migrate {

namespace {

// Numbers and booleans only: a text may be somebody's data.
std::string figures(const RowSet& rows) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < rows.columns.size() && rows.size() > 0; ++i) {
    const auto& value = rows.rows.front()[i];
    if (value && (value == "t" || value == "f" || parse_number(*value)))
      out.push_back(rows.columns[i] + " = " + *value);
  }
  return rows.size() == 0 ? "it gave no row" : join(out, ", ");
}

bool holds(const RowSet& rows) {
  return rows.size() > 0 && !rows.columns.empty() && rows.rows.front().front() == "t";
}

}  // namespace

Result<void> may_migrate(const pg::Connection& connection) {
  if (!connection.is_direct())
    return fail(Errc::refused,
                "the connection goes through a pooler; migrations need the server itself: name its own host and port");
  if (connection.identity().role != ServerRole::primary)
    return fail(Errc::refused, "the server is a standby; migrations are applied on its primary");
  return {};
}

net::TaskResult<RowSet> take_lock(Session* session) {
  const auto key = change::lock_key("migrations");
  const bool whole_database = true;
  const auto give_up = session->in(session->options.advisory_wait);
  bool told = false;
  while (true) {
    const auto limit = session->in(kLook);
    auto tried = co_await change::try_locks(session->connection, key, whole_database, limit);
    if (!tried) co_return fail(std::move(tried.error()));
    if (tried->held) co_return RowSet();
    if (!told) session->tell("waiting: another session acts in this database (pid " + tried->holders + ")");
    told = true;
    const auto poll = session->options.advisory_poll;
    const auto next = session->in(poll + session->jitter(poll));
    if (next >= give_up)
      co_return fail(Errc::timeout, "another session acts in this database (pid " + tried->holders + ")", true);
    co_await net::sleep_until(next);
  }
}

net::TaskResult<RowSet> prepare(Session* session, const MigrationFile* file) {
  const auto limit = file->statement_timeout.value_or(session->options.statement_budget);
  std::string sql = "RESET ROLE; RESET ALL; SET application_name TO " + quote_literal("pgtend/migrate/" + file->id) +
                    "; SET statement_timeout TO " + std::to_string(limit.count()) + "; SET lock_timeout TO " +
                    std::to_string(file->lock_timeout.value_or(session->options.lock_timeout).count()) +
                    "; SET idle_in_transaction_session_timeout TO 60000";
  // A runner that is gone does not leave its statement behind.
  if (session->connection->identity().version_num >= 140000) sql += "; SET client_connection_check_interval TO 1000";
  auto set = co_await run(session, sql);
  if (!set) co_return fail(std::move(set.error()), "set up the session");
  co_return set;
}

net::TaskResult<RowSet> run(Session* session, std::string sql) {
  const auto limit = session->in(kLook);
  auto done = co_await session->connection->execute(std::move(sql), limit);
  co_return done;
}

net::TaskResult<RowSet> roll_back(Session* session) {
  if (!session->connection->healthy() || !session->connection->in_transaction()) co_return RowSet();
  const std::string sql = "ROLLBACK";
  auto done = co_await run(session, sql);
  co_return done;
}

net::TaskResult<RowSet> run_step(Session* session, const MigrationFile* file, const Step* step) {
  const pg::Params none;
  // The server's own limit comes first.
  const auto limit = session->in(file->statement_timeout.value_or(session->options.statement_budget) + kLook);
  auto done = co_await session->connection->query(step->sql.text, none, limit);
  if (done) co_return done;
  auto error = std::move(done.error());
  if (error.sqlstate == "42501")
    error.message += "; run it as the owner: \"-- pgtend: role=OWNER\" in the file, and GRANT OWNER TO " +
                     quote_identifier(session->connection->user());
  co_return fail(std::move(error), file->place(*step));
}

net::TaskResult<RowSet> run_change(Session* session, const MigrationFile* file, const Step* step) {
  auto may = session->may_act();
  if (!may) co_return fail(std::move(may.error()), file->place(*step));
  auto done = co_await run_step(session, file, step);
  co_return done;
}

net::TaskResult<RowSet> become_role(Session* session, const MigrationFile* file, bool local) {
  if (file->role.empty()) co_return RowSet();
  const std::string sql = (local ? "SET LOCAL ROLE " : "SET ROLE ") + quote_identifier(file->role);
  auto set = co_await run(session, sql);
  if (set) co_return set;
  auto error = std::move(set.error());
  if (error.sqlstate == "42501")
    error.message +=
        "; cure: GRANT " + quote_identifier(file->role) + " TO " + quote_identifier(session->connection->user());
  co_return fail(std::move(error), file->path + ":1: role=" + file->role);
}

net::TaskResult<RowSet> run_checks(Session* session, const MigrationFile* file, const std::vector<Step>* checks) {
  if (checks->empty()) co_return RowSet();
  const std::string guard = "SAVEPOINT pgtend_check; SET LOCAL transaction_read_only TO on";
  const std::string release = "ROLLBACK TO SAVEPOINT pgtend_check; RELEASE SAVEPOINT pgtend_check";
  const bool local = true;
  auto guarded = co_await run(session, guard);
  if (!guarded) co_return guarded;
  auto role = co_await become_role(session, file, local);
  if (!role) co_return role;
  for (const auto& check : *checks) {
    const auto* step = &check;
    auto rows = co_await run_step(session, file, step);
    if (!rows) co_return rows;
    if (!holds(*rows))
      co_return fail(Errc::refused, file->place(check) + ": the check does not hold: " + figures(*rows));
  }
  auto released = co_await run(session, release);
  co_return released;
}

}  // namespace pgtend::migrate
