#include <set>

#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend::test;

namespace {

// The shipped rules, looked at often.
std::map<std::string, std::string> shipped() {
  return {{"rules", "  evaluation_interval: 500ms\n"}};
}

Json alerts_of(const Daemon& daemon) {
  return (*daemon.get("/v1/alerts"))["items"];
}

Json collectors_of(const Daemon& daemon) {
  return (*daemon.get("/v1/status"))["item"]["collectors"];
}

// The names of all alerts that wait or fire, over ten evaluations.
std::set<std::string> alerts_over_ten_evaluations(const Daemon& daemon) {
  const auto evaluated = [&] {
    for (const auto& alert : alerts_of(daemon))
      if (alert["rule"] == "Watchdog") return alert["last_seen_at"].get<std::string>();
    return std::string();
  };
  std::set<std::string> out;
  auto last = evaluated();
  for (int i = 0; i < 10; ++i) {
    REQUIRE(eventually([&] { return evaluated() > last; }, std::chrono::seconds(20)));
    last = evaluated();
    for (const auto& alert : alerts_of(daemon)) {
      // The agent's own collectors may be late on a busy machine, whatever the server does.
      const auto collector = alert["labels"].value("collector", "");
      if (alert["state"] == "resolved" || collector == "self" || collector == "host") continue;
      out.insert(alert["rule"].get<std::string>());
      if (!collector.empty()) UNSCOPED_INFO(alert["labels"].dump());
    }
  }
  return out;
}

bool waits(const Daemon& daemon, const std::string& rule) {
  for (const auto& alert : alerts_of(daemon))
    if (alert["rule"] == rule) return true;
  return false;
}

std::size_t collectors(const Daemon& daemon, const std::string& status) {
  std::size_t out = 0;
  for (const auto& collector : collectors_of(daemon)) out += collector["status"] == status ? 1 : 0;
  return out;
}

void check_one_cause(const Daemon& daemon) {
  REQUIRE(eventually([&] { return waits(daemon, "PgDown"); }, std::chrono::seconds(40)));
  const auto names = alerts_over_ten_evaluations(daemon);
  CHECK(names.contains("PgDown"));
  CHECK_FALSE(names.contains("PgCollectorFailing"));
  CHECK_FALSE(names.contains("PgtendRuleEvalFailing"));
}

}  // namespace

TEST_CASE("a server that is down is one alert, while it is away and when it is back") {
  PgCluster cluster;
  Daemon daemon(cluster, shipped());
  daemon.start();
  REQUIRE(eventually([&] { return collectors(daemon, "ok") > 20; }, std::chrono::seconds(40)));
  cluster.stop("immediate");
  REQUIRE(eventually([&] { return collectors(daemon, "unavailable") > 10; }, std::chrono::seconds(60)));
  check_one_cause(daemon);
  cluster.start();
  REQUIRE(eventually([&] { return !waits(daemon, "PgDown") || collectors(daemon, "unavailable") < 5; },
                     std::chrono::seconds(60)));
  const auto names = alerts_over_ten_evaluations(daemon);
  CHECK_FALSE(names.contains("PgCollectorFailing"));
  CHECK_FALSE(names.contains("PgtendRuleEvalFailing"));
  // Hourly collectors too are tried again soon.
  CHECK(eventually([&] { return collectors(daemon, "unavailable") == 0; }, std::chrono::seconds(60)));
}

TEST_CASE("a login that the server refuses is one alert") {
  PgCluster cluster;
  Daemon daemon(cluster, shipped());
  daemon.set("postgresql", "  host: " + cluster.socket_dir() + "\n  port: " + std::to_string(cluster.port()) +
                               "\n  user: nobody_here\n");
  daemon.start();
  check_one_cause(daemon);
  for (const auto& collector : collectors_of(daemon))
    CHECK(collector["detail"].get<std::string>().find("GRANT") == std::string::npos);
}
