#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend::test;

TEST_CASE("a change is exported as the next migration file and lints clean") {
  PgCluster cluster;
  cluster.exec("postgres", "CREATE TABLE orders (id int PRIMARY KEY, customer_id int)");
  Daemon daemon(cluster,
                {{"postgresql", "  host: " + cluster.socket_dir() + "\n  port: " + std::to_string(cluster.port()) +
                                    "\n  user: postgres\n  operator: {user: postgres}\n"}});
  daemon.start();
  const Json plan{
      {"action", "create_index"},
      {"kind", "index"},
      {"database", "postgres"},
      {"object", "public.orders"},
      {"sql_up", {"CREATE INDEX CONCURRENTLY i ON public.orders (customer_id)"}},
      {"sql_down", {"DROP INDEX CONCURRENTLY public.i"}},
      {"target_tables", {"public.orders"}},
      {"detail", {{"schema", "public"}, {"index", "i"}, {"table", "orders"}, {"key_columns", {"customer_id"}}}}};
  const auto made = daemon.post("/v1/changes", plan);
  INFO(made.body.dump());
  REQUIRE(made.status == 201);
  const auto id = made.body["item"]["id"].get<std::string>();

  const auto printed = daemon.cli({"changes", "export", id});
  INFO(printed.output);
  CHECK(printed.status == 0);
  CHECK(printed.output.find("-- pgtend: tx=none") == 0);
  CHECK(printed.output.find("-- @up\nCREATE INDEX CONCURRENTLY i ON public.orders (customer_id);\n-- @down\n"
                            "DROP INDEX CONCURRENTLY public.i;\n") != std::string::npos);

  const TempDir dir("export");
  write_file(dir.path() / "V0007__before.sql", "SELECT 1;\n-- @down\n");
  const auto written = daemon.cli({"changes", "export", id, "--dir", dir.path().string()});
  const auto file = dir.path() / "V0008__create_index_public_orders.sql";
  CHECK(written.output == file.string() + "\n");
  CHECK(run_command({Daemon::binary(), "migrate", "lint", file.string()}).status == 0);
  CHECK(daemon.cli({"changes", "export", "nothing"}).status == 1);
  CHECK(daemon.cli({"changes", "export", id, "--dir", "/nope"}).output.find("cannot read the folder /nope") !=
        std::string::npos);
}
