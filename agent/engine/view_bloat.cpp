#include "agent/base/strings.hpp"
#include "agent/engine/cure.hpp"
#include "agent/engine/view.hpp"

// pgstattuple_approx of one table, on demand.
namespace pgtend::engine {

namespace {

// Of the advise lane: it is there for what a person asked for, and sampling does not wait for it. Below the HTTP
// server's handler_timeout of 30 s, so that the server's own words come back.
constexpr Millis kLookTime{2'000}, kMeasureTime{20'000};

// A name without a schema may be in any but the system's. The extension's function may be called by
// pg_stat_scan_tables.
constexpr auto kFindTable = R"(SELECT c.oid, n.nspname AS schema, c.relname AS name, c.relkind,
       pg_catalog.current_database() AS database, e.schema AS extension_schema,
       CASE WHEN p.oid IS NOT NULL THEN pg_catalog.has_function_privilege(p.oid, 'EXECUTE')
                                        AND pg_catalog.has_schema_privilege(e.schema_oid, 'USAGE') END AS may,
       current_user AS role
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN (SELECT x.extname, s.nspname AS schema, s.oid AS schema_oid FROM pg_catalog.pg_extension x
           JOIN pg_catalog.pg_namespace s ON s.oid = x.extnamespace) e ON e.extname = 'pgstattuple'
LEFT JOIN pg_catalog.pg_proc p ON p.pronamespace = e.schema_oid AND p.proname = 'pgstattuple_approx'
WHERE c.relkind IN ('r', 'm', 'p', 'i', 'I', 'v', 'f', 'S')
  AND ($1 IN (n.nspname || '.' || c.relname, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname))
       OR $1 IN (c.relname, pg_catalog.quote_ident(c.relname))
          AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_toast%')
ORDER BY c.relkind NOT IN ('r', 'm'), 2, 3
LIMIT 10)";

std::string full_name(const RowSet& found, std::size_t row) {
  return quote_identifier(found.text(row, "schema")) + "." + quote_identifier(found.text(row, "name"));
}

// Why the first of the tables found cannot be measured.
Result<void> measurable(const RowSet& found, const std::string& asked, const std::string& database) {
  if (found.size() == 0)
    return fail(Errc::not_found,
                "there is no table " + asked + " in database " + database + "; for another one name it too");
  if (found.size() > 1 && found.text(0, "name") == found.text(1, "name")) {
    std::vector<std::string> all;
    for (std::size_t i = 0; i < found.size(); ++i) all.push_back(full_name(found, i));
    return fail(Errc::invalid_argument, asked + " may be " + join(all, " or ") + ": name its schema");
  }
  const std::string name = full_name(found, 0), kind = found.text(0, "relkind");
  if (kind == "p")
    return fail(Errc::unsupported, name + " is partitioned and empty itself: name one of its partitions");
  if (kind != "r" && kind != "m") return fail(Errc::unsupported, name + " is neither a table nor a materialized view");
  if (!found.get(0, "may"))
    return fail(Errc::unsupported, "extension pgstattuple is not in database " +
                                       quote_identifier(found.text(0, "database")) +
                                       "; cure: CREATE EXTENSION pgstattuple;");
  if (!found.boolean(0, "may"))
    return fail(Errc::permission, "pgstattuple_approx may not be called by " + found.text(0, "role") + "; cure: " +
                                      cure_for("GRANT pg_stat_scan_tables TO {role}; GRANT USAGE ON SCHEMA " +
                                                   quote_identifier(found.text(0, "extension_schema")) + " TO {role};",
                                               found.text(0, "role")));
  return {};
}

api::BloatView as_view(const RowSet& found, const RowSet& measured) {
  const auto bytes = [&measured](const char* name) { return measured.integer(0, name).value_or(0); };
  api::BloatView out;
  out.database = found.text(0, "database");
  out.schema = found.text(0, "schema");
  out.table = found.text(0, "name");
  out.table_bytes = bytes("table_len");
  out.scanned_ratio = measured.number(0, "scanned_percent").value_or(0) / 100;
  out.live_rows = measured.number(0, "approx_tuple_count").value_or(0);
  out.live_bytes = bytes("approx_tuple_len");
  out.dead_rows = bytes("dead_tuple_count");
  out.dead_bytes = bytes("dead_tuple_len");
  out.free_bytes = static_cast<std::int64_t>(measured.number(0, "approx_free_space").value_or(0));
  if (out.table_bytes > 0)
    out.bloat_ratio = static_cast<double>(out.dead_bytes + out.free_bytes) / static_cast<double>(out.table_bytes);
  return out;
}

}  // namespace

net::TaskResult<api::BloatView> View::bloat(std::string table, std::string database) {
  cost_.count_query();
  pg::Params name;
  name.emplace_back(table);
  auto found = co_await parts_.lanes.query(pg::Lane::advise, database, "bloat", kFindTable, name, kLookTime);
  if (!found) co_return fail(std::move(found.error()), "look for the table");
  const std::string asked = database.empty() ? parts_.lanes.home_database() : database;
  if (auto able = measurable(*found, table, asked); !able) co_return fail(std::move(able.error()));
  cost_.count_query();
  pg::Params oid;
  oid.emplace_back(found->text(0, "oid"));
  const std::string sql = "SELECT * FROM " + quote_identifier(found->text(0, "extension_schema")) +
                          ".pgstattuple_approx($1::pg_catalog.oid::pg_catalog.regclass)";
  auto measured = co_await parts_.lanes.query(pg::Lane::advise, database, "bloat", sql, oid, kMeasureTime);
  if (!measured && measured.error().sqlstate == "55P03")
    co_return fail(std::move(measured.error()),
                   "measure " + full_name(*found, 0) + ", which somebody locks or waits to lock (pgtend blocking)");
  if (!measured) co_return fail(std::move(measured.error()), "measure " + full_name(*found, 0));
  co_return as_view(*found, *measured);
}

}  // namespace pgtend::engine
