// The agent beside a real Redis: values, alerts, gone and back, the doctor.
#include <regex>

#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/source_dir.hpp"

using namespace pgtend::test;

namespace {

constexpr auto kSoon = std::chrono::seconds(40);

bool shows(const Daemon& daemon, const std::string& line) {
  return ("\n" + daemon.metrics()).find("\n" + line + "\n") != std::string::npos;
}

bool fires(const Daemon& daemon, const std::string& rule) {
  const auto alerts = daemon.get("/v1/alerts");
  if (!alerts) return false;
  for (const auto& alert : (*alerts)["items"])
    if (alert["state"] == "firing" && alert["rule"] == rule) return true;
  return false;
}

void write_rules(const Daemon& daemon) {
  const auto rules = read_file(std::string(source_dir()) + "/alerts/rules/redis.yaml");
  write_file(daemon.path("rules/redis.yaml"), std::regex_replace(rules, std::regex("        for: [0-9a-z]+\n"), ""));
}

}  // namespace

TEST_CASE("RedisLinkDown is about a replica without its master, RedisRejected about clients that are refused now") {
  PgCluster cluster;
  RedisServer server;
  Daemon daemon(cluster);
  daemon.set("redis", "  - port: " + std::to_string(server.port()) + "\n    interval: 300ms\n    timeout: 2s\n");
  write_rules(daemon);
  daemon.start();
  REQUIRE(eventually([&] { return shows(daemon, "redis_rejected_connections_total 0"); }, kSoon));
  CHECK(daemon.metrics().find("redis_master_link_up") == std::string::npos);

  server.cli({"REPLICAOF", "127.0.0.1", "1"});
  REQUIRE(eventually([&] { return fires(daemon, "RedisLinkDown"); }, kSoon));
  server.cli({"REPLICAOF", "NO", "ONE"});
  REQUIRE(eventually([&] { return !fires(daemon, "RedisLinkDown"); }, kSoon));

  CHECK_FALSE(fires(daemon, "RedisRejected"));
  // Those that are connected stay.
  server.cli({"CONFIG", "SET", "maxclients", "1"});
  const auto one_more = [&] {
    try {
      server.cli({"PING"});
    } catch (const std::runtime_error&) {
      // Refused, as it should be.
    }
    return fires(daemon, "RedisRejected");
  };
  CHECK(eventually(one_more, kSoon));
}

TEST_CASE("Redis's figures are on /metrics and in history, fire the shipped rules, and end while it is away") {
  PgCluster cluster;
  RedisServer server({{"--requirepass", "open-sesame", "--maxmemory", "2mb"}, false});
  Daemon daemon(cluster);
  const auto password = daemon.path("password");
  write_file(password, "open-sesame\n");
  std::filesystem::permissions(password, std::filesystem::perms(0600));
  daemon.set("redis", "  - port: " + std::to_string(server.port()) + "\n    password_file: " + password.string() +
                          "\n    interval: 300ms\n    timeout: 2s\n");
  write_rules(daemon);
  daemon.start();
  REQUIRE(eventually([&] { return shows(daemon, "redis_up 1"); }, kSoon));
  CHECK(shows(daemon, "redis_memory_max_bytes 2097152"));
  CHECK(daemon.metrics().find("maxmemory_policy=\"noeviction\"") != std::string::npos);

  // Over nine tenths of it, which noeviction does not free again.
  const auto fill = [&] {
    return server.cli({"-a", "open-sesame", "--no-auth-warning", "SETRANGE", "big", "1000000", "x"});
  };
  fill();
  REQUIRE(eventually([&] { return fires(daemon, "RedisMemory"); }, kSoon));
  server.cli({"-a", "open-sesame", "--no-auth-warning", "CONFIG", "SET", "maxmemory-policy", "allkeys-lru"});
  REQUIRE(eventually([&] { return !fires(daemon, "RedisMemory"); }, kSoon));

  server.stop();
  REQUIRE(eventually([&] { return shows(daemon, "redis_up 0"); }, kSoon));
  CHECK(daemon.metrics().find("redis_memory_") == std::string::npos);
  CHECK(eventually([&] { return fires(daemon, "RedisDown"); }, kSoon));
  server.start();
  REQUIRE(eventually([&] { return shows(daemon, "redis_up 1"); }, kSoon));
  REQUIRE(eventually([&] { return !fires(daemon, "RedisDown"); }, kSoon));
  const auto past = daemon.get("/api/v1/query?query=min_over_time(redis_up%5B5m%5D)");
  REQUIRE(past);
  CHECK((*past)["data"]["result"][0]["value"][1] == "0");
  CHECK(count_of(daemon.log(), "msg=\"collector answers\" collector=redis") == 2);
  CHECK(count_of(daemon.log(), "msg=\"collector unavailable\" collector=redis") == 1);

  const auto doctor = daemon.cli({"doctor", "-o", "json"});
  const auto report = Json::parse(doctor.output);
  REQUIRE(report["neighbours"].size() == 1);
  CHECK(report["neighbours"][0]["collector"] == "redis");
  CHECK(report["neighbours"][0]["error"] == "");
  CHECK((daemon.log() + doctor.output + daemon.metrics()).find("open-sesame") == std::string::npos);
}
