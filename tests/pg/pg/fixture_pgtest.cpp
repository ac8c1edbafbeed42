#include "tests/support/catch.hpp"
#include "tests/support/pg_cluster.hpp"
#include "tests/support/pg_programs.hpp"

using namespace pgtend::test;

TEST_CASE("the fixture's server keeps its rows through a crash and is followed by a standby, in every version") {
  const int major = GENERATE(from_range(all_majors()));
  CAPTURE(major);
  PgCluster cluster({.major = major});
  REQUIRE(std::stoi(cluster.exec("postgres", "SHOW server_version_num")) / 10'000 == major);
  cluster.exec("postgres", "CREATE TABLE t AS SELECT 7 AS n; CREATE EXTENSION pg_stat_statements");
  REQUIRE(cluster.exec("postgres", "SELECT count(*) > 0 FROM pg_stat_statements") == "t");
  cluster.exec("postgres", "CHECKPOINT");

  cluster.kill();
  REQUIRE_FALSE(cluster.is_up());
  cluster.start();
  REQUIRE(cluster.exec("postgres", "SELECT n FROM t") == "7");

  const auto standby = cluster.make_standby();
  REQUIRE(standby->exec("postgres", "SELECT pg_is_in_recovery()") == "t");
  REQUIRE(standby->exec("postgres", "SHOW server_version") == cluster.exec("postgres", "SHOW server_version"));
  cluster.exec("postgres", "INSERT INTO t VALUES (8)");
  REQUIRE(eventually([&] { return standby->exec("postgres", "SELECT count(*) FROM t") == "2"; }));
}

TEST_CASE("the fixture's PgBouncer reaches the cluster") {
  PgCluster cluster;
  PgBouncerProcess bouncer(cluster);
  PgSession session(bouncer.conninfo());
  REQUIRE(session.value("SELECT current_setting('port')") == std::to_string(cluster.port()));
}
