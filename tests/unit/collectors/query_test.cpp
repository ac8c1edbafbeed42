#include "collectors/query.hpp"

#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::collectors;

namespace {

CollectorDef wal_def() {
  CollectorDef def;
  def.name = "wal";
  def.source = "pg_stat_wal";
  def.sql = "SELECT {columns}, extract(epoch FROM stats_reset) AS reset_time FROM pg_catalog.pg_stat_wal";
  def.epoch_column = "reset_time";
  for (const auto* name : {"wal_records", "wal_bytes", "wal_sync"}) {
    CollectorColumn column;
    column.column = name;
    column.metric = std::string("pgtend_") + name;
    def.columns.push_back(column);
  }
  def.columns[2].max_version = 179999;
  return def;
}

ServerShape shape(int version, std::set<std::string> columns) {
  ServerShape out;
  out.identity.version_num = version;
  out.identity.role = ServerRole::primary;
  out.columns["pg_stat_wal"] = std::move(columns);
  return out;
}

}  // namespace

TEST_CASE("columns the server has replace the placeholder, quoted and once") {
  auto def = wal_def();
  def.columns.push_back(def.columns[0]);
  const auto query = make_query(def, shape(150000, {"wal_records", "wal_bytes", "wal_sync", "stats_reset"}));
  REQUIRE(query);
  CHECK(query->sql ==
        "SELECT \"wal_records\", \"wal_bytes\", \"wal_sync\", extract(epoch FROM stats_reset) AS reset_time FROM "
        "pg_catalog.pg_stat_wal");
  CHECK(query->lost_columns.empty());
}

TEST_CASE("a column that vanished is lost by name and does not lose the collector") {
  const auto query = make_query(wal_def(), shape(150000, {"wal_records", "wal_sync"}));
  REQUIRE(query);
  CHECK(query->lost_columns == std::vector<std::string>{"wal_bytes"});
  CHECK(query->sql.find("wal_bytes") == std::string::npos);
}

TEST_CASE("a column outside its version bounds is neither asked for nor lost") {
  const auto query = make_query(wal_def(), shape(180000, {"wal_records", "wal_bytes"}));
  REQUIRE(query);
  CHECK(query->lost_columns.empty());
  CHECK(query->sql.find("wal_sync") == std::string::npos);
}

TEST_CASE("a column the statement names itself is not replaced, whatever the view has") {
  auto def = wal_def();
  def.sql = "SELECT {columns}, 1 as Wal_Bytes, wal_sync FROM pg_catalog.pg_stat_wal";
  const auto query = make_query(def, shape(150000, {"wal_records", "wal_bytes", "wal_sync"}));
  REQUIRE(query);
  CHECK(query->sql.starts_with("SELECT \"wal_records\", \"wal_sync\", 1 as"));
}

TEST_CASE("a server that cannot answer is refused with the reason") {
  const auto reason = [](CollectorDef def, const ServerShape& of) {
    const auto query = make_query(def, of);
    REQUIRE_FALSE(query);
    CHECK(query.error().code == Errc::unsupported);
    CHECK_FALSE(query.error().retryable);
    return query.error().message;
  };
  auto def = wal_def();
  def.min_version = 160000;
  CHECK(reason(def, shape(150000, {"wal_records"})) == "collector wal: server version 150000 is outside 160000 to any");
  def = wal_def();
  def.role = ServerRole::standby;
  CHECK(reason(def, shape(150000, {"wal_records"})) == "collector wal: only on a standby");
  def = wal_def();
  def.source = "pg_stat_io";
  CHECK(reason(def, shape(150000, {"wal_records"})) ==
        "collector wal: source pg_stat_io does not exist on this server");
  def = wal_def();
  def.extension = "pg_stat_statements";
  CHECK(reason(def, shape(150000, {"wal_records"})).find("CREATE EXTENSION \"pg_stat_statements\"") !=
        std::string::npos);
  CHECK(reason(wal_def(), shape(150000, {"other"})).find("none of its columns") != std::string::npos);
}

TEST_CASE("the schema of an extension is quoted into the statement") {
  CollectorDef def;
  def.name = "x";
  def.extension = "pg_stat_statements";
  def.sql = "SELECT calls FROM {schema}.pg_stat_statements(false)";
  ServerShape of;
  of.extensions["pg_stat_statements"] = "1.10";
  of.extension_schemas["pg_stat_statements"] = "my \"ext";
  const auto query = make_query(def, of);
  REQUIRE(query);
  CHECK(query->sql == "SELECT calls FROM \"my \"\"ext\".pg_stat_statements(false)");
}

TEST_CASE("the probe's answer fills columns, functions and extensions") {
  RowSet rows;
  rows.columns = {"kind", "source", "schema", "name", "version"};
  rows.rows = {{"column", "pg_stat_wal", "pg_catalog", "wal_bytes", ""},
               {"function", "pg_ls_waldir()", "pg_catalog", "", ""},
               {"extension", "hypopg", "public", "", "1.3.1"}};
  ServerShape of;
  add_columns(of, rows);
  CHECK(of.columns["pg_stat_wal"] == std::set<std::string>{"wal_bytes"});
  CHECK(of.columns.contains("pg_ls_waldir()"));
  CHECK(of.extensions["hypopg"] == "1.3.1");
  CHECK(of.extension_schemas["hypopg"] == "public");
}

TEST_CASE("a source of any schema is asked for where it was found") {
  CollectorDef def;
  def.name = "flyway";
  def.source = "*.flyway_schema_history";
  def.sql = "SELECT count(*) AS n FROM {schema}.flyway_schema_history";
  RowSet rows;
  rows.columns = {"kind", "source", "schema", "name", "version", "readable"};
  rows.rows = {{"column", def.source, "My App", "success", "", "t"}};
  ServerShape found;
  add_columns(found, rows);
  const auto query = make_query(def, found);
  REQUIRE(query);
  CHECK(query->sql == "SELECT count(*) AS n FROM \"My App\".flyway_schema_history");
  CHECK_FALSE(make_query(def, ServerShape()));
}

TEST_CASE("what may not be read is left out in silence only where it is optional") {
  auto def = wal_def();
  auto found = shape(150000, {"wal_records", "wal_bytes", "wal_sync"});
  found.unreadable = {def.source};
  CHECK(make_query(def, found));
  def.optional = true;
  const auto refused = make_query(def, found);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::unsupported);
  CHECK(refused.error().message.find("GRANT SELECT") != std::string::npos);
}

TEST_CASE("a statement that picks its rows is told which ones alerts are about") {
  auto def = wal_def();
  def.labels = {"datname", "schemaname", "relname"};
  def.sql = "SELECT n FROM t ORDER BY name = ANY ({watched})";
  CHECK(asks_for_watched(def));
  CHECK_FALSE(asks_for_watched(wal_def()));
  const auto server = shape(150000, {"wal_records"});
  CHECK(make_query(def, server)->sql == "SELECT n FROM t ORDER BY name = ANY (ARRAY[]::pg_catalog.text[])");
  // A name is a value, whatever it looks like.
  const std::set<Labels> watched{{{"datname", "shop"}, {"schemaname", "o'x"}, {"relname", "{columns}{watched}"}}};
  CHECK(make_query(def, server, watched)->sql ==
        "SELECT n FROM t ORDER BY name = ANY (ARRAY['o''x.{columns}{watched}']::pg_catalog.text[])");
  def.sql += ", {columns}";
  def.labels.clear();
  CHECK(make_query(def, server)->sql.ends_with(", \"wal_records\""));
}
