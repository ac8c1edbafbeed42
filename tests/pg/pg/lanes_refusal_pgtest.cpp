// Who is refused by the server, and what the lanes refuse themselves.
#include "tests/pg/pg/lanes_bench.hpp"

using namespace pgtend;
using namespace pgtend::test;
using pg::Lane;
using pg::LaneOptions;

TEST_CASE("a wrong password is tried once and then refused from memory on every lane") {
  PgCluster cluster;
  cluster.exec("postgres", "CREATE ROLE pgtend_monitor LOGIN PASSWORD 'right'");
  cluster.set_hba({"local all pgtend_monitor scram-sha-256"});
  auto options = options_for(cluster.parameters("postgres", "pgtend_monitor"));
  options.monitor.parameters["password"] = "wrong";
  Bench bench(options);
  for (int i = 0; i < 20; ++i)
    for (const auto lane : {Lane::probe, Lane::sample}) {
      const auto answer = bench.query(lane, "SELECT 1", 100);
      REQUIRE_FALSE(answer);
      CHECK(answer.error().sqlstate == "28P01");
      CHECK(answer.error().code == Errc::permission);
    }
  CHECK(count_of(cluster.log(), "password authentication failed for user") <= 2);
  const auto last = bench.query(Lane::sample, "SELECT 1", 100);
  CHECK_THAT(last.error().message, ContainsSubstring("next attempt in"));
}

TEST_CASE("with all slots taken the probe lane still answers and the server is asked seldom") {
  PgClusterOptions cluster_options;
  cluster_options.settings["max_connections"] = "8";
  cluster_options.settings["superuser_reserved_connections"] = "3";
  PgCluster cluster(cluster_options);
  cluster.exec("postgres",
               "CREATE ROLE app LOGIN; CREATE ROLE pgtend_monitor LOGIN; GRANT pg_monitor TO pgtend_monitor");
  Bench bench(options_for(cluster.parameters("postgres", "pgtend_monitor")));
  REQUIRE(bench.query(Lane::probe, "SELECT 1"));
  std::vector<PgSession> crowd;
  try {
    for (int i = 0; i < 8; ++i) crowd.push_back(cluster.session("postgres", "app"));
  } catch (const std::runtime_error&) {
  }
  REQUIRE(crowd.size() == 4);
  const auto begun = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - begun < std::chrono::seconds(4)) {
    const auto sample = bench.query(Lane::sample, "SELECT 1", 100);
    REQUIRE_FALSE(sample);
    CHECK(sample.error().sqlstate == "53300");
    CHECK(bench.query(Lane::probe, "SELECT 1"));
  }
  CHECK(bench.status(Lane::sample).reconnects.at("53300") <= 3);
  crowd.clear();
  CHECK(bench.until_answered(Lane::sample, Millis(20'000)) <= Millis(5'000));
}

TEST_CASE("a refused login is reported in the server's words") {
  PgCluster cluster;
  cluster.exec("postgres", "CREATE ROLE narrow LOGIN CONNECTION LIMIT 0");
  Bench bench(options_for(cluster.parameters("postgres", "narrow")));
  const auto refused = bench.query(Lane::probe, "SELECT 1");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().sqlstate == "53300");
  CHECK_THAT(refused.error().message, ContainsSubstring("too many connections for role \"narrow\""));
}

TEST_CASE("a database that is missing holds up only itself") {
  PgCluster cluster;
  cluster.exec("postgres", "CREATE DATABASE shop");
  Bench bench(cluster);
  const auto missing = bench.query(Lane::sample, "SELECT 1", 200, "gone");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().sqlstate == "3D000");
  CHECK(bench.query(Lane::sample, "SELECT 1", 2'000, "shop"));
  CHECK(bench.query(Lane::sample, "SELECT 1"));
  for (int i = 0; i < 5; ++i) CHECK_FALSE(bench.query(Lane::sample, "SELECT 1", 200, "gone"));
  CHECK(count_of(cluster.log(), "database \"gone\" does not exist") == 1);
}

TEST_CASE("acting through PgBouncer's transaction pooling is refused before any statement runs") {
  PgCluster cluster;
  PgBouncerProcess bouncer(cluster);
  cluster.exec("postgres", "ALTER SYSTEM SET log_statement = 'all'");
  cluster.reload();
  Bench bench(options_for(bouncer.parameters()));
  const auto acted = bench.query(Lane::act, "CREATE TABLE public.never (n int)");
  REQUIRE_FALSE(acted);
  CHECK(acted.error().code == Errc::refused);
  CHECK_THAT(acted.error().message, ContainsSubstring("pooler"));
  const auto leased = bench.lease(Lane::act);
  REQUIRE_FALSE(leased);
  CHECK(leased.error().code == Errc::refused);
  CHECK_FALSE(bench.lease(Lane::advise));
  CHECK(cluster.exec("postgres", "SELECT to_regclass('public.never') IS NULL") == "t");
  CHECK(cluster.log().find("CREATE TABLE public.never") == std::string::npos);
  // Reading through it works, degraded and known to be so.
  CHECK(bench.query(Lane::sample, "SELECT 1"));
  CHECK_FALSE(bench.status(Lane::sample).direct);
}

TEST_CASE("acting on a standby is refused, reading is not") {
  PgCluster primary;
  const auto standby = primary.make_standby();
  Bench bench(*standby);
  CHECK(bench.query(Lane::sample, "SELECT 1"));
  CHECK(bench.lanes.identity().role == ServerRole::standby);
  CHECK(bench.lanes.identity().timeline == 1);
  const auto acted = bench.lease(Lane::act);
  REQUIRE_FALSE(acted);
  CHECK(acted.error().code == Errc::refused);
  CHECK_THAT(acted.error().message, ContainsSubstring("standby"));
}
