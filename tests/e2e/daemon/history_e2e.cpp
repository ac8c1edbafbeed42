#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend::test;

namespace {

Json query(const Daemon& daemon, const std::string& expr) {
  const auto answer = daemon.cli({"history", expr, "-o", "json"});
  const auto json = Json::parse(answer.output, nullptr, false);
  return json.is_discarded() ? Json::array() : json["item"]["series"];
}

double value_of(const Daemon& daemon, const std::string& expr) {
  const auto series = query(daemon, expr);
  return series.empty() ? -1 : series[0]["samples"][0][1].get<double>();
}

}  // namespace

TEST_CASE("a statistics reset and a restart give no negative and no invented rate") {
  PgCluster cluster;
  Daemon daemon(cluster,
                {{"collection", "  intervals: {database: 300ms, identity: 300ms}\n  budget: {cpu_ratio: 1.0}\n"}});
  daemon.start();
  const std::string total = "pgtend_database_rows_inserted_total{datname=\"postgres\"}";
  cluster.exec("postgres", "create table t as select generate_series(1, 50000) as n");
  REQUIRE(eventually([&] { return value_of(daemon, total) >= 50000; }, std::chrono::seconds(30)));
  cluster.exec("postgres", "select pg_stat_reset()");
  cluster.exec("postgres", "insert into t select generate_series(1, 60000)");
  // The counter stands higher than before the reset now: by value alone nobody could see that it began again.
  REQUIRE(eventually([&] { return value_of(daemon, "resets(" + total + "[5m])") >= 1; }, std::chrono::seconds(30)));
  REQUIRE(eventually([&] { return value_of(daemon, total) >= 60000; }, std::chrono::seconds(30)));
  cluster.restart();
  REQUIRE(eventually([&] { return value_of(daemon, "changes(pg_postmaster_start_time_seconds[5m])") >= 1; },
                     std::chrono::seconds(60)));
  REQUIRE(eventually([&] { return value_of(daemon, "count_over_time(" + total + "[20s])") >= 5; },
                     std::chrono::seconds(30)));
  const double increase = value_of(daemon, "increase(" + total + "[10m])");
  REQUIRE(increase >= 0);
  // What was inserted is 110,000 rows; extrapolation may round up a little, inventing may not.
  REQUIRE(increase <= 130000);
}

TEST_CASE("kill -9 of the agent loses at most the last batch of samples") {
  PgCluster cluster;
  Daemon daemon(cluster);
  daemon.start();
  REQUIRE(eventually([&] { return value_of(daemon, "count_over_time(pg_up[5m])") >= 5; }, std::chrono::seconds(30)));
  const double before = value_of(daemon, "count_over_time(pg_up[5m])");
  daemon.kill();
  daemon.start();
  REQUIRE(
      eventually([&] { return value_of(daemon, "count_over_time(pg_up[5m])") >= before; }, std::chrono::seconds(30)));
  REQUIRE(daemon.cli({"audit", "verify"}).status == 0);
}

TEST_CASE("a history of a newer version is left alone, and the agent goes on in memory and says so") {
  PgCluster cluster;
  Daemon daemon(cluster);
  daemon.start();
  CHECK(daemon.log().find("there is history but no ledger") == std::string::npos);
  daemon.stop();
  const auto file = daemon.path("history.db").string();
  must_run({"sqlite3", file, "PRAGMA user_version = 99"});
  std::filesystem::remove(daemon.path("ledger.db"));
  const auto before = read_file(file);
  daemon.start();
  REQUIRE(eventually([&] { return value_of(daemon, "pg_up") == 1; }, std::chrono::seconds(30)));
  const auto status = daemon.cli({"status"}).output;
  CHECK_THAT(status, ContainsSubstring("degraded: history is not written"));
  CHECK_THAT(status, ContainsSubstring("written by a newer pgtend (history version 99"));
  CHECK_THAT(daemon.log(), ContainsSubstring("there is history but no ledger"));
  daemon.stop();
  CHECK(read_file(file) == before);
}
