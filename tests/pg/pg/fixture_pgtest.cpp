#include "tests/support/catch.hpp"
#include "tests/support/pg_cluster.hpp"

using namespace pgtend::test;

TEST_CASE("the fixture's server keeps its rows through a crash and is followed by a standby") {
  PgCluster cluster;
  cluster.exec("postgres", "CREATE TABLE t AS SELECT 7 AS n; CREATE EXTENSION pg_stat_statements");
  REQUIRE(cluster.exec("postgres", "SELECT count(*) > 0 FROM pg_stat_statements") == "t");
  cluster.exec("postgres", "CHECKPOINT");

  cluster.kill();
  REQUIRE_FALSE(cluster.is_up());
  cluster.start();
  REQUIRE(cluster.exec("postgres", "SELECT n FROM t") == "7");

  const auto standby = cluster.make_standby();
  REQUIRE(standby->exec("postgres", "SELECT pg_is_in_recovery()") == "t");
  cluster.exec("postgres", "INSERT INTO t VALUES (8)");
  REQUIRE(eventually([&] { return standby->exec("postgres", "SELECT count(*) FROM t") == "2"; }));
}

TEST_CASE("the fixture's PgBouncer reaches the cluster") {
  PgCluster cluster;
  PgBouncerProcess bouncer(cluster);
  PgSession session(bouncer.conninfo());
  REQUIRE(session.value("SELECT current_setting('port')") == std::to_string(cluster.port()));
}
