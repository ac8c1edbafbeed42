// The agent beside a real PgBouncer: values, the pooler gone and back, a wrong password.
#include <regex>

#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/source_dir.hpp"

using namespace pgtend::test;

namespace {

constexpr auto kSoon = std::chrono::seconds(40);

std::string section(const PgBouncerProcess& bouncer, const std::string& more = "") {
  return "  - host: 127.0.0.1\n    port: " + std::to_string(bouncer.port()) +
         "\n    interval: 300ms\n    timeout: 2s\n" + more;
}

bool shows(const Daemon& daemon, const std::string& line) {
  return ("\n" + daemon.metrics()).find("\n" + line + "\n") != std::string::npos;
}

std::string rule_file() {
  auto rules = read_file(std::string(source_dir()) + "/alerts/rules/pgbouncer.yaml");
  return std::regex_replace(rules, std::regex("        for: [0-9a-z]+\n"), "");
}

std::vector<std::string> firing(const Daemon& daemon) {
  std::vector<std::string> out;
  const auto alerts = daemon.get("/v1/alerts");
  if (!alerts) return out;
  for (const auto& alert : (*alerts)["items"])
    if (alert["state"] == "firing") out.push_back(alert["rule"].get<std::string>());
  return out;
}

bool fires(const Daemon& daemon, const std::string& rule) {
  const auto all = firing(daemon);
  return std::find(all.begin(), all.end(), rule) != all.end();
}

}  // namespace

TEST_CASE("a pooler's figures are on /metrics and in history, fire the shipped rules, and end while it is away") {
  PgCluster cluster;
  PgBouncerProcess bouncer(cluster, {"session", {{"default_pool_size", "1"}}});
  Daemon daemon(cluster, {{"pgbouncer", section(bouncer)}});
  write_file(daemon.path("rules/pgbouncer.yaml"), rule_file());
  daemon.start();
  REQUIRE(eventually([&] { return shows(daemon, "pgbouncer_up 1"); }, kSoon));
  CHECK(shows(daemon, R"(pgbouncer_version_info{version="1.18.0"} 1)"));

  // One server connection: the first client holds it, the second waits.
  PgSession holder(bouncer.conninfo("postgres"));
  holder.exec("SELECT 1");
  PgSession late(bouncer.conninfo("postgres"));
  late.send("SELECT 2");
  REQUIRE(eventually(
      [&] {
        return shows(daemon, R"(pgbouncer_pools_client_waiting_connections{database="postgres",user="postgres"} 1)");
      },
      kSoon));
  CHECK(eventually([&] { return fires(daemon, "PgbWaiting") && fires(daemon, "PgbPoolFull"); }, kSoon));
  // Beyond five seconds.
  CHECK(eventually([&] { return fires(daemon, "PgbMaxWait"); }, kSoon));

  bouncer.stop();
  REQUIRE(eventually([&] { return shows(daemon, "pgbouncer_up 0"); }, kSoon));
  CHECK(daemon.metrics().find("pgbouncer_pools_") == std::string::npos);
  REQUIRE(eventually([&] { return fires(daemon, "PgbDown"); }, kSoon));
  // What cannot be seen is not resolved.
  CHECK(fires(daemon, "PgbWaiting"));

  bouncer.start();
  REQUIRE(eventually([&] { return shows(daemon, "pgbouncer_up 1"); }, kSoon));
  REQUIRE(eventually([&] { return firing(daemon).empty(); }, kSoon));
  const auto past = daemon.get("/api/v1/query?query=min_over_time(pgbouncer_up%5B5m%5D)");
  REQUIRE(past);
  CHECK((*past)["data"]["result"][0]["value"][1] == "0");
  // One line for each change of state: there, gone, back.
  CHECK(count_of(daemon.log(), "msg=\"collector answers\" collector=pgbouncer") == 2);
  CHECK(count_of(daemon.log(), "msg=\"collector unavailable\" collector=pgbouncer") == 1);
}

TEST_CASE("a wrong password for one pooler is told with its cure, by the doctor too, and costs nothing else") {
  PgCluster cluster;
  PgBouncerProcess closed(cluster, {"transaction", {{"auth_type", "md5"}}});
  PgBouncerProcess open(cluster);
  closed.set_users({{"pgtend_monitor", "right"}});
  Daemon daemon(cluster);
  const auto pass = daemon.path("pass");
  write_file(pass, "*:*:*:*:wrong-secret\n");
  std::filesystem::permissions(pass, std::filesystem::perms(0600));
  daemon.set("pgbouncer", section(closed, "    name: closed\n    passfile: " + pass.string() + "\n") +
                              section(open, "    name: open\n"));
  daemon.start();
  REQUIRE(eventually([&] { return shows(daemon, R"(pgbouncer_up{pooler="open"} 1)"); }, kSoon));
  REQUIRE(eventually([&] { return shows(daemon, R"(pgbouncer_up{pooler="closed"} 0)"); }, kSoon));
  CHECK(eventually([&] { return count_of(daemon.log(), "collector=pgbouncer/closed") == 1; }, kSoon));
  CHECK(daemon.log().find("give the password of pgtend_monitor") != std::string::npos);

  const auto doctor = daemon.cli({"doctor", "-o", "json"});
  const auto report = Json::parse(doctor.output);
  REQUIRE(report["neighbours"].size() == 2);
  CHECK(report["neighbours"][0]["collector"] == "pgbouncer/closed");
  CHECK(report["neighbours"][0]["error"].get<std::string>().find("password") != std::string::npos);
  CHECK(report["neighbours"][1]["error"] == "");
  CHECK(report["neighbours"][1]["version"] == "1.18.0");
  CHECK((daemon.log() + doctor.output).find("wrong-secret") == std::string::npos);

  // A reload takes the wrong one away: neither its series nor its state stay.
  daemon.set("pgbouncer", section(open, "    name: open\n"));
  daemon.hang_up();
  CHECK(eventually([&] { return daemon.metrics().find("closed") == std::string::npos; }, kSoon));
  CHECK(eventually([&] { return shows(daemon, R"(pgbouncer_up{pooler="open"} 1)"); }, kSoon));
}
