#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend::test;

TEST_CASE("alerts that always fire do not count for the exit code") {
  PgCluster cluster;
  Daemon daemon(cluster);
  write_file(daemon.path("rules/life.yaml"),
             "groups:\n- name: life\n  rules:\n  - {alert: Watchdog, expr: vector(1), labels: {severity: none}}\n");
  daemon.start();
  const auto fires = [&](std::size_t count) {
    const auto answer = daemon.get("/v1/alerts");
    std::size_t firing = 0;
    if (answer)
      for (const auto& alert : (*answer)["items"]) firing += alert["state"] == "firing" ? 1 : 0;
    return firing == count;
  };
  REQUIRE(eventually([&] { return fires(1); }, std::chrono::seconds(20)));
  CHECK(daemon.cli({"alerts"}).status == 0);
  write_file(daemon.path("rules/more.yaml"),
             "groups:\n- name: more\n  rules:\n  - {alert: Real, expr: vector(1), labels: {severity: warning}}\n");
  daemon.hang_up();
  REQUIRE(eventually([&] { return fires(2); }, std::chrono::seconds(20)));
  CHECK(daemon.cli({"alerts"}).status == 3);
  CHECK(daemon.cli({"help", "exit-codes"}).output.find("severity none or heartbeat") != std::string::npos);
}
