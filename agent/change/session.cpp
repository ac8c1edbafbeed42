#include "agent/change/session.hpp"

#include "agent/base/strings.hpp"
#include "agent/change/locks.hpp"
#include "agent/change/plan_hash.hpp"

namespace pgtend::change {
namespace {

constexpr Millis kOpenLimit{10'000};
constexpr Millis kShort{5'000};

}  // namespace

net::TaskResult<pg::Lease> open_session(CorePtr core, Change change) {
  const auto database = acting_database(*core, change.plan);
  const auto deadline = core->in(kOpenLimit);
  const auto lane = is_signal(change.plan) ? pg::Lane::signal : pg::Lane::act;
  auto lease = co_await core->parts.lanes.lease(lane, database, deadline);
  if (!lease) co_return fail(std::move(lease.error()), "open the acting session");
  auto* const connection = &lease->connection();
  if (!connection->is_direct())
    co_return fail(Errc::refused, "the connection goes through a pooler; acting needs a direct connection");
  const auto& identity = connection->identity();
  if (identity.role != ServerRole::primary) co_return fail(Errc::refused, "the server is a standby");
  const auto& wanted = change.plan.system_identifier;
  if (!wanted.empty() && !identity.system_identifier.empty() && wanted != identity.system_identifier)
    co_return fail(Errc::conflict, "this is another server than the plan was made for");
  const std::string marker = "chg/" + change.id.substr(0, 8);
  const Millis unlimited{0};
  const auto limit = core->in(kShort);
  auto marked = co_await connection->mark(marker, unlimited, limit);
  if (!marked) co_return fail(std::move(marked.error()), "name the acting session");
  co_return std::move(*lease);
}

net::TaskResult<RowSet> take_locks(CorePtr core, pg::Connection* connection, Change change, Millis patience) {
  const auto key = lock_key(change.plan.object);
  const bool whole_database = !is_signal(change.plan);
  const auto give_up = core->in(patience);
  while (true) {
    const auto limit = core->in(kShort);
    auto tried = co_await try_locks(connection, key, whole_database, limit);
    if (!tried) co_return fail(std::move(tried.error()));
    if (tried->held) {
      core->trouble.erase(change.id);
      co_return RowSet();
    }
    core->trouble[change.id] = "another session, which acts in this database or on this object";
    const auto next = core->in(core->options.advisory_poll + core->jitter(core->options.advisory_poll));
    if (next >= give_up || core->stopping)
      co_return fail(Errc::timeout,
                     "another session acts in this database or on this object (pid " + tried->holders + ")", true);
    co_await net::sleep_until(next);
  }
}

net::TaskResult<BackendStart> who_am_i(pg::Connection* connection) {
  const std::string sql =
      "SELECT floor(extract(epoch FROM backend_start) * 1000)::bigint AS started FROM pg_stat_activity WHERE pid = "
      "pg_backend_pid()";
  const pg::Params none;
  const auto limit = std::chrono::steady_clock::now() + kShort;
  auto rows = co_await connection->query(sql, none, limit);
  if (!rows) co_return fail(std::move(rows.error()), "read the acting session's start");
  co_return BackendStart{connection->backend_pid(), from_ms(rows->integer(0, "started").value_or(0))};
}

net::TaskResult<bool> is_alive(CorePtr core, std::string database, int pid, UtcTime start) {
  LaneAsker asker(core->parts.lanes, std::move(database));
  const std::string sql =
      "SELECT floor(extract(epoch FROM backend_start) * 1000)::bigint AS started FROM pg_stat_activity WHERE pid = "
      "$1::int";
  const pg::Params params{std::to_string(pid)};
  auto rows = co_await asker.ask(sql, params);
  if (!rows) co_return fail(std::move(rows.error()), "look for backend " + std::to_string(pid));
  if (rows->size() == 0) co_return false;
  const auto started = rows->integer(0, "started");
  // Without the right to see it the pid alone must do; the advisory lock is the real fence.
  co_return !started || *started == to_ms(start);
}

StatementLimit statement_limit(const PipelineOptions& options, const ProposedChange& plan) {
  const bool analyzes = plan.action == ActionClass::column_setting;
  switch (plan.kind) {
    case ChangeKind::index:
      return {options.statement_budget, "change.index_timeout"};
    case ChangeKind::refresh:
      return {options.refresh_budget, "change.refresh_timeout"};
    case ChangeKind::maintenance:
    case ChangeKind::statistics:
    case ChangeKind::partition:
      break;
    case ChangeKind::setting:
    case ChangeKind::session:
    case ChangeKind::row_security:
    case ChangeKind::pgbouncer:
      if (analyzes) break;
      return {options.setting_budget, "change.setting_timeout"};
  }
  return {options.maintenance_budget, "change.maintenance_timeout"};
}

net::TaskResult<RowSet> become_owner(CorePtr core, pg::Connection* connection, Change change, Regime regime) {
  const auto& options = core->options;
  const auto timeout = regime == Regime::concurrent ? Millis(0) : options.lock_timeout;
  std::string sql = "SET lock_timeout TO " + std::to_string(timeout.count()) + "; SET statement_timeout TO " +
                    std::to_string(statement_limit(options, change.plan).time.count());
  const bool adopt = change.plan.cost.seconds * 1000 > static_cast<double>(options.adopt_above.count());
  // A long build outlives a crash of the agent and is adopted; a short one ends with it and is done again.
  if (regime == Regime::concurrent && connection->identity().version_num >= 140000)
    sql += std::string("; SET client_connection_check_interval TO ") + (adopt ? "0" : "5000");
  if (!change.plan.run_as_role.empty()) sql += "; SET ROLE " + quote_identifier(change.plan.run_as_role);
  const auto limit = core->in(kShort);
  auto set = co_await connection->execute(sql, limit);
  if (!set) co_return fail(std::move(set.error()), "become " + change.plan.run_as_role);
  co_return set;
}

}  // namespace pgtend::change
