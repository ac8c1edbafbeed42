// The replication heartbeat, from the agent of a primary to that of its standby.
#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend::test;

namespace {

constexpr auto kSoon = std::chrono::seconds(40);
const std::string kLag = "pgtend_replication_heartbeat_lag_seconds ";

std::string section(const PgCluster& cluster) {
  return "  host: " + cluster.socket_dir() + "\n  port: " + std::to_string(cluster.port()) +
         "\n  user: postgres\n  replication_heartbeat: 300ms\n";
}

std::optional<double> lag(const Daemon& daemon) {
  const auto text = daemon.metrics();
  const auto at = text.find("\n" + kLag);
  if (at == std::string::npos) return std::nullopt;
  return std::stod(text.substr(at + 1 + kLag.size()));
}

}  // namespace

TEST_CASE("with heartbeats a standby of an idle primary is not behind, and it is once they stop") {
  PgCluster cluster;
  const auto standby = cluster.make_standby();
  Daemon sender(cluster, {{"postgresql", section(cluster)}}), follower(*standby, {{"postgresql", section(*standby)}});
  sender.start();
  follower.start();
  REQUIRE(eventually([&] { return lag(follower).value_or(99) < 2; }, kSoon));
  CHECK_FALSE(lag(sender));
  CHECK(sender.metrics().find("\npgtend_replication_heartbeat_position_bytes ") != std::string::npos);
  CHECK(follower.metrics().find("\npgtend_replication_heartbeat_position_bytes ") == std::string::npos);
  sender.stop();
  CHECK(eventually([&] { return lag(follower).value_or(0) > 3; }, kSoon));
}

TEST_CASE("without the key nothing is written, and a reload turns it on") {
  PgCluster cluster;
  Daemon daemon(cluster);
  daemon.start();
  REQUIRE(eventually([&] { return daemon.metrics().find("\npg_up 1") != std::string::npos; }, kSoon));
  CHECK(daemon.metrics().find("replication_heartbeat") == std::string::npos);
  daemon.set("postgresql", section(cluster));
  daemon.hang_up();
  CHECK(eventually(
      [&] { return daemon.metrics().find("\npgtend_replication_heartbeat_position_bytes ") != std::string::npos; },
      kSoon));
}
