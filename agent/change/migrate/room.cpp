#include "agent/base/strings.hpp"
#include "agent/base/units.hpp"
#include "agent/change/looks.hpp"
#include "agent/change/migrate/session.hpp"

namespace pgtend::migrate {

namespace {

constexpr Millis kStandbyPoll{1'000};

change::SessionAsker watcher_of(Session* session) {
  return {session->watcher != nullptr ? session->watcher : session->connection, kLook};
}

// How large what the step builds may get: an index is seldom larger than half of its table, one that is built anew
// keeps its size. 0: it builds none, or nobody can tell.
net::TaskResult<double> built_bytes(Session* session, const Step* step) {
  const auto& s = step->sql;
  const bool makes = s.effect == sql::ScriptEffect::create_index;
  if (!makes && s.effect != sql::ScriptEffect::reindex) co_return 0.0;
  const std::string sql = makes
                              ? "SELECT pg_catalog.pg_relation_size(pg_catalog.to_regclass($1)) / 2 AS bytes, $2::text"
                              : "SELECT coalesce(pg_catalog.pg_indexes_size(pg_catalog.to_regclass($1)), "
                                "pg_catalog.pg_relation_size(pg_catalog.to_regclass($2))) AS bytes";
  const auto name = [](const std::string& schema, const std::string& relation) {
    return relation.empty() ? std::optional<std::string>() : quote_qualified(schema, relation);
  };
  const pg::Params names{name(s.table_schema, s.table), name(s.schema, s.name)};
  const auto limit = session->in(kLook);
  auto rows = co_await session->connection->query(sql, names, limit);
  if (!rows) co_return fail(std::move(rows.error()));
  co_return rows->number(0, "bytes").value_or(0);
}

}  // namespace

net::TaskResult<RowSet> may_begin(Session* session) {
  const auto give_up = session->in(session->options.wait_budget);
  auto watcher = watcher_of(session);
  for (bool told = false;; told = true) {
    auto may = session->may_act();
    if (!may) co_return fail(std::move(may.error()));
    auto lag = co_await change::replicas_follow(&watcher, session->options.max_replica_lag);
    if (lag) {
      if (!lag->note.empty() && !session->told_of_lag) session->tell("how far standbys are behind: " + lag->note);
      session->told_of_lag = session->told_of_lag || !lag->note.empty();
      co_return RowSet();
    }
    const bool is_behind = lag.error().code == Errc::unavailable && lag.error().context.empty();
    const auto next = session->in(kStandbyPoll);
    if (!is_behind || next >= give_up) co_return fail(std::move(lag.error()), "before the next statement");
    if (!told) session->tell("waiting: " + lag.error().describe());
    co_await net::sleep_until(next);
  }
}

net::TaskResult<RowSet> look_for_room(Session* session, const MigrationFile* file, const Step* step) {
  if (!session->blocking) co_return RowSet();
  auto bytes = co_await built_bytes(session, step);
  if (!bytes) co_return fail(std::move(bytes.error()), file->place(*step));
  if (*bytes == 0) co_return RowSet();
  auto watcher = watcher_of(session);
  auto disk = co_await change::free_disk(&watcher, session->blocking, session->connection->is_local());
  if (!disk) co_return fail(std::move(disk.error()));
  auto room = change::has_room(*disk, session->options.disk_factor * *bytes);
  if (!room) co_return fail(std::move(room.error()), file->place(*step));
  co_return RowSet();
}

}  // namespace pgtend::migrate
