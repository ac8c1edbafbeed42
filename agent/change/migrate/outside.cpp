#include "agent/base/strings.hpp"
#include "agent/change/migrate/apply.hpp"

namespace pgtend::migrate {

namespace {

using sql::ScriptEffect;

// The index by its name on its table; the table as the session's search_path finds it.
net::TaskResult<RowSet> find_index(Session* session, const Step* step) {
  const std::string sql =
      "SELECT i.indisvalid AND i.indisready AS usable, n.nspname AS schema, c.relname AS name "
      "FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "
      "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
      "WHERE c.relname = $1 AND i.indrelid = pg_catalog.to_regclass($2)";
  const pg::Params names{step->sql.name, quote_qualified(step->sql.table_schema, step->sql.table)};
  const auto limit = session->in(kLook);
  auto rows = co_await session->connection->query(sql, names, limit);
  co_return rows;
}

// INVALID copies that REINDEX CONCURRENTLY left on the table, or on that of the index.
net::TaskResult<RowSet> find_copies(Session* session, const Step* step) {
  const std::string sql =
      "SELECT n.nspname AS schema, c.relname AS name FROM pg_catalog.pg_index i "
      "JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
      "WHERE NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$' AND (i.indrelid = pg_catalog.to_regclass($1) "
      "OR i.indrelid = (SELECT x.indrelid FROM pg_catalog.pg_index x WHERE x.indexrelid = pg_catalog.to_regclass($2)))";
  const auto& s = step->sql;
  const auto name = [](const std::string& schema, const std::string& relation) {
    return relation.empty() ? std::optional<std::string>() : quote_qualified(schema, relation);
  };
  const pg::Params names{name(s.table_schema, s.table), name(s.schema, s.name)};
  const auto limit = session->in(kLook);
  auto rows = co_await session->connection->query(sql, names, limit);
  co_return rows;
}

net::TaskResult<RowSet> drop_index(Session* session, std::string schema, std::string name) {
  const pg::Params none;
  const std::string sql = "DROP INDEX CONCURRENTLY IF EXISTS " + quote_qualified(schema, name);
  const auto limit = session->in(session->options.wait_budget + kLook);
  auto done = co_await session->connection->query(sql, none, limit);
  if (!done) co_return fail(std::move(done.error()), "remove the INVALID index " + schema + "." + name);
  session->tell("removed the INVALID index " + schema + "." + name);
  co_return done;
}

net::TaskResult<Found> look_for_index(Session* session, const MigrationFile* file, const Step* step, bool resumed) {
  auto rows = co_await find_index(session, step);
  if (!rows) co_return fail(std::move(rows.error()), file->place(*step));
  if (rows->size() == 0) co_return Found::nothing;
  const auto name = rows->text(0, "schema") + "." + step->sql.name;
  const bool usable = rows->boolean(0, "usable");
  if (!resumed)
    co_return fail(Errc::conflict, file->place(*step) + ": an index " + name + " is there already" +
                                       (usable ? "" : ", INVALID") +
                                       ", and this migration did not make it; drop it: " + "DROP INDEX CONCURRENTLY " +
                                       quote_qualified(rows->text(0, "schema"), step->sql.name));
  if (usable) co_return Found::done;
  auto dropped = co_await drop_index(session, rows->text(0, "schema"), step->sql.name);
  if (!dropped) co_return fail(std::move(dropped.error()));
  co_return Found::nothing;
}

// Copies that an earlier REINDEX left are somebody else's: after this one nobody could tell whose they are.
net::TaskResult<Found> refuse_copies(Session* session, const MigrationFile* file, const Step* step) {
  auto copies = co_await find_copies(session, step);
  if (!copies) co_return fail(std::move(copies.error()), file->place(*step));
  if (copies->size() == 0) co_return Found::nothing;
  std::string cure;
  for (std::size_t i = 0; i < copies->size(); ++i)
    cure += " DROP INDEX CONCURRENTLY " + quote_qualified(copies->text(i, "schema"), copies->text(i, "name")) + ";";
  co_return fail(Errc::conflict, file->place(*step) +
                                     ": an earlier REINDEX, not of this migration, left INVALID copies;"
                                     " drop them:" +
                                     cure);
}

net::TaskResult<Found> look_for_relation(Session* session, const Step* step) {
  const std::string sql = "SELECT pg_catalog.to_regclass($1) IS NULL AS gone";
  const pg::Params names{quote_qualified(step->sql.schema, step->sql.name)};
  const auto limit = session->in(kLook);
  auto rows = co_await session->connection->query(sql, names, limit);
  if (!rows) co_return fail(std::move(rows.error()));
  co_return rows->boolean(0, "gone") ? Found::done : Found::nothing;
}

net::TaskResult<Found> look_for_partition(Session* session, const Step* step) {
  // inhdetachpending is of 14 and later, as DETACH CONCURRENTLY is.
  const std::string sql =
      "SELECT i.inhdetachpending AS pending FROM pg_catalog.pg_inherits i WHERE i.inhrelid = "
      "pg_catalog.to_regclass($1) "
      "AND i.inhparent = pg_catalog.to_regclass($2)";
  const auto partition = quote_qualified(step->sql.schema, step->sql.name);
  const auto table = quote_qualified(step->sql.table_schema, step->sql.table);
  const pg::Params names{partition, table}, none;
  const auto limit = session->in(kLook);
  auto rows = co_await session->connection->query(sql, names, limit);
  if (!rows) co_return fail(std::move(rows.error()));
  if (rows->size() == 0) co_return Found::done;
  if (!rows->boolean(0, "pending")) co_return Found::nothing;
  const std::string finish = "ALTER TABLE " + table + " DETACH PARTITION " + partition + " FINALIZE";
  const auto longer = session->in(session->options.wait_budget + kLook);
  auto finished = co_await session->connection->query(finish, none, longer);
  if (!finished) co_return fail(std::move(finished.error()), "finish the detachment");
  co_return Found::done;
}

}  // namespace

net::TaskResult<Found> look_before(Session* session, const MigrationFile* file, const Step* step, bool resumed) {
  if (step->sql.effect == ScriptEffect::create_index) {
    auto found = co_await look_for_index(session, file, step, resumed);
    co_return found;
  }
  if (!resumed && step->sql.effect == ScriptEffect::reindex) {
    auto none = co_await refuse_copies(session, file, step);
    co_return none;
  }
  if (!resumed) co_return Found::nothing;
  if (step->sql.effect == ScriptEffect::drop_index) {
    auto found = co_await look_for_relation(session, step);
    co_return found;
  }
  if (step->sql.effect == ScriptEffect::detach) {
    auto found = co_await look_for_partition(session, step);
    co_return found;
  }
  auto cleaned = co_await clean_up(session, step);
  if (!cleaned) co_return fail(std::move(cleaned.error()), file->place(*step));
  co_return Found::nothing;
}

net::TaskResult<RowSet> clean_up(Session* session, const Step* step) {
  RowSet left;
  if (step->sql.effect == ScriptEffect::create_index) {
    auto rows = co_await find_index(session, step);
    if (!rows) co_return rows;
    if (rows->size() > 0 && !rows->boolean(0, "usable")) left = std::move(*rows);
  }
  if (step->sql.effect == ScriptEffect::reindex) {
    auto rows = co_await find_copies(session, step);
    if (!rows) co_return rows;
    left = std::move(*rows);
  }
  for (std::size_t i = 0; i < left.size(); ++i) {
    auto dropped = co_await drop_index(session, left.text(i, "schema"), left.text(i, "name"));
    if (!dropped) co_return dropped;
  }
  co_return RowSet();
}

}  // namespace pgtend::migrate
