#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend::test;

namespace {

bool has(const CommandResult& result, const std::string& text) {
  return result.output.find(text) != std::string::npos;
}

}  // namespace

TEST_CASE("pgtend bloat measures one table, and says what it needs where it cannot") {
  PgCluster cluster;
  for (const auto* sql : {"CREATE DATABASE shop", "CREATE DATABASE bare"}) cluster.exec("postgres", sql);
  for (const auto* sql :
       {"CREATE SCHEMA extras", "CREATE EXTENSION pgstattuple SCHEMA extras",
        "CREATE TABLE holey AS SELECT g AS id, repeat('x', 100) AS note FROM generate_series(1, 20000) g",
        "DELETE FROM holey WHERE id % 4 > 0", "CREATE SCHEMA \"Odd\"", "CREATE TABLE \"Odd\".\"My Table\" (n int)",
        "CREATE TABLE twice (n int)", "CREATE TABLE \"Odd\".twice (n int)", "CREATE VIEW seen AS SELECT 1 AS n",
        "CREATE TABLE parts (n int) PARTITION BY LIST (n)", "CREATE INDEX holey_id ON holey(id)"})
    cluster.exec("shop", sql);
  cluster.exec("bare", "CREATE TABLE plain (n int)");
  Daemon daemon(cluster);
  daemon.start();
  const auto bloat = [&](const std::string& table, const std::string& database = "shop") {
    return daemon.cli({"bloat", table, "-d", database});
  };
  const auto shown = bloat("holey");
  INFO(shown.output);
  CHECK(shown.status == 0);
  CHECK(has(shown, "public.holey in shop"));
  const auto json =
      Json::parse(daemon.cli({"bloat", "public.holey", "--database", "shop", "-o", "json"}).output)["item"];
  CHECK(json["dead_rows"] == 15'000);
  CHECK(json["live_rows"] == 5'000);
  CHECK(json["bloat_ratio"].get<double>() == Approx(0.7).margin(0.03));
  CHECK(json["table_bytes"].get<double>() == std::stod(cluster.exec("shop", "SELECT pg_relation_size('holey')")));
  CHECK(bloat("\"Odd\".\"My Table\"").status == 0);
  CHECK(bloat("Odd.My Table").status == 0);

  CHECK(has(bloat("none"), "there is no table none in database shop"));
  CHECK(has(bloat("twice"), "\"Odd\".\"twice\" or \"public\".\"twice\": name its schema"));
  CHECK(has(bloat("seen"), "neither a table nor a materialized view"));
  CHECK(has(bloat("parts"), "name one of its partitions"));
  CHECK(has(bloat("plain", "bare"), "cure: CREATE EXTENSION pgstattuple;"));
  CHECK(has(bloat("x'; DROP TABLE holey; --"), "there is no table"));
  CHECK(bloat("none").status != 0);
  CHECK(daemon.cli({"bloat"}).status == 2);

  auto holder = cluster.session("shop");
  holder.exec("BEGIN; LOCK TABLE holey IN ACCESS EXCLUSIVE MODE");
  const auto locked = bloat("holey");
  CHECK(locked.status != 0);
  CHECK(has(locked, "pgtend blocking"));
  CHECK(has(locked, "55P03"));
  holder.exec("ROLLBACK");
}

TEST_CASE("pgtend bloat names the GRANT that a role without rights lacks, and with it it measures") {
  PgCluster cluster;
  for (const auto* sql : {"CREATE ROLE watcher LOGIN", "CREATE SCHEMA extras",
                          "CREATE EXTENSION pgstattuple SCHEMA extras", "CREATE TABLE t AS SELECT 1 AS n"})
    cluster.exec("postgres", sql);
  Daemon daemon(cluster,
                {{"postgresql", "  host: " + cluster.socket_dir() + "\n  port: " + std::to_string(cluster.port()) +
                                    "\n  user: watcher\n  database: postgres\n"}});
  daemon.start();
  const auto refused = daemon.cli({"bloat", "t"});
  INFO(refused.output);
  CHECK(refused.status != 0);
  const std::string cure = R"(GRANT pg_stat_scan_tables TO "watcher"; GRANT USAGE ON SCHEMA "extras" TO "watcher";)";
  REQUIRE(has(refused, cure));
  cluster.exec("postgres", cure);
  CHECK(daemon.cli({"bloat", "t"}).status == 0);
}
