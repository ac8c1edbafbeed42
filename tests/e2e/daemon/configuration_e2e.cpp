#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend::test;

namespace {

// Nothing while the agent has no time to answer.
Json status_of(const Daemon& daemon) {
  const auto answer = daemon.get("/v1/status");
  return answer ? answer->at("item") : Json();
}

}  // namespace

TEST_CASE("a wrong configuration exits 78 and every mistake is named with its place") {
  PgCluster cluster;
  Daemon daemon(cluster);
  daemon.write_raw("postgresql:\n  prot: 5432\ncollection:\n  default_interval: soon\n");
  const auto checked = daemon.cli({"check-config"});
  REQUIRE(checked.status == 78);
  REQUIRE(checked.output.find("pgtend.yaml:2:3: ") != std::string::npos);
  REQUIRE(checked.output.find("port") != std::string::npos);
  REQUIRE(checked.output.find("pgtend.yaml:4:") != std::string::npos);
  REQUIRE(daemon.cli({"run"}).status == 78);
}

TEST_CASE("a reload is whole or not at all") {
  PgCluster cluster;
  Daemon daemon(cluster);
  daemon.start();
  const auto hash = (*daemon.get("/v1/status"))["item"]["config"]["hash"];
  daemon.set("advisors", "  intervall: 7m\n");
  daemon.hang_up();
  REQUIRE(eventually([&] { return daemon.log().find("configuration not reloaded") != std::string::npos; }));
  const auto refused = (*daemon.get("/v1/status"))["item"];
  REQUIRE(refused["config"]["hash"] == hash);
  REQUIRE(refused["state"] == "degraded");
  REQUIRE(refused["config"]["reload_error"].get<std::string>().find("pgtend.yaml:2:3: ") != std::string::npos);
  REQUIRE(daemon.cli({"status"}).output.find("the last reload was refused") != std::string::npos);
  REQUIRE(eventually(
      [&] { return daemon.metrics().find("\npgtend_config_last_reload_successful 0") != std::string::npos; }));
  daemon.set("advisors", "  interval: 7m\n");
  daemon.hang_up();
  REQUIRE(eventually([&] {
    const auto status = status_of(daemon);
    return status.is_object() && status["config"]["hash"] != hash;
  }));
  REQUIRE((*daemon.get("/v1/status"))["item"]["config"]["reload_error"] == "");
  REQUIRE(eventually(
      [&] { return daemon.metrics().find("\npgtend_config_last_reload_successful 1") != std::string::npos; }));
  const int reloads = count_of(daemon.log(), "configuration reloaded");
  daemon.stop();
  REQUIRE(count_of(daemon.log(), "configuration reloaded") == reloads);
}

TEST_CASE("a collector of the user's that is wrong fails alone, and check-config, status and metrics say so") {
  PgCluster cluster;
  Daemon daemon(cluster);
  std::filesystem::create_directories(daemon.path("collectors.d"));
  write_file(daemon.path("collectors.d/mine.yaml"), "name: mine\nintervall: 5s\n");
  const auto checked = daemon.cli({"check-config"});
  INFO(checked.output);
  CHECK(checked.status == 3);
  CHECK(checked.output.find("mine.yaml:2:1: ") != std::string::npos);
  CHECK(checked.output.find("the agent starts without") != std::string::npos);
  daemon.start();
  const auto item = (*daemon.get("/v1/status"))["item"];
  REQUIRE_FALSE(item["config"]["not_loaded"].empty());
  CHECK(item["config"]["not_loaded"].dump().find("mine.yaml:2:1: ") != std::string::npos);
  CHECK(daemon.cli({"status"}).output.find("mine.yaml:2:1: ") != std::string::npos);
  CHECK(eventually([&] { return daemon.metrics().find("\npgtend_config_errors ") != std::string::npos; }));
  CHECK(daemon.metrics().find("\npgtend_config_errors 0") == std::string::npos);
}

TEST_CASE("what needs a restart stays as it runs, and status says so until then") {
  PgCluster cluster;
  Daemon daemon(cluster);
  daemon.start();
  const auto item = [&] { return (*daemon.get("/v1/status"))["item"]; };
  const auto name = item()["instance"];
  CHECK(item()["config"]["restart_needed"] == Json::array());
  const auto hash = item()["config"]["hash"];
  daemon.set("instance", "  name: other\n");
  daemon.set("advisors", "  interval: 7m\n");
  daemon.hang_up();
  REQUIRE(eventually([&] { return item()["config"]["hash"] != hash; }));
  CHECK(item()["instance"] == name);
  CHECK(item()["config"]["restart_needed"] == Json{"instance.name"});
  CHECK(daemon.cli({"status"}).output.find("restart    needed for: instance.name") != std::string::npos);
  // A second reload does not forget it.
  daemon.set("advisors", "  interval: 8m\n");
  const auto second = item()["config"]["hash"];
  daemon.hang_up();
  REQUIRE(eventually([&] { return item()["config"]["hash"] != second; }));
  CHECK(item()["config"]["restart_needed"] == Json{"instance.name"});
  daemon.stop();
  daemon.start();
  CHECK(item()["instance"] == "other");
  CHECK(item()["config"]["restart_needed"] == Json::array());
}

TEST_CASE("a role with no rights runs degraded and doctor names the GRANT for each missing right") {
  PgCluster cluster;
  cluster.exec("postgres", "create role nobody_special login");
  Daemon daemon(cluster);
  const std::string server = "  host: " + cluster.socket_dir() + "\n  port: " + std::to_string(cluster.port()) + "\n";
  daemon.set("postgresql", server + "  user: nobody_special\n");
  const auto doctor = daemon.cli({"doctor"});
  REQUIRE(doctor.status == 3);
  REQUIRE(doctor.output.find("GRANT ") != std::string::npos);
  daemon.start();
  REQUIRE(eventually(
      [&] {
        const auto status = status_of(daemon);
        return status.is_object() && status["state"] == "degraded";
      },
      std::chrono::seconds(20)));
  REQUIRE(
      eventually([&] { return daemon.metrics().find("\npg_up 1") != std::string::npos; }, std::chrono::seconds(20)));
}

TEST_CASE("through a pooler the agent watches, says that it never acts, and why it advises nothing") {
  PgCluster cluster;
  PgBouncerProcess bouncer(cluster);
  Daemon daemon(cluster);
  daemon.set("postgresql", "  host: 127.0.0.1\n  port: " + std::to_string(bouncer.port()) +
                               "\n  user: postgres\n  database: postgres\n");
  daemon.set("advisors", "  interval: 1s\n");
  daemon.start();
  const auto missing = [&] {
    const auto item = (*daemon.get("/v1/status"))["item"];
    return item["state"] == "degraded" && item["reason"].get<std::string>().find("pooler") != std::string::npos &&
           !item["capabilities"].empty() && item["capabilities"][0]["name"] == "direct_connection";
  };
  REQUIRE(eventually(missing, std::chrono::seconds(30)));
  const auto looked = [&] { return !(*daemon.get("/v1/recommendations"))["looks"].empty(); };
  REQUIRE(eventually(looked, std::chrono::seconds(30)));
  const auto shown = daemon.cli({"recommendations"});
  REQUIRE(shown.status == 0);
  REQUIRE(shown.output.find("nothing to recommend") != std::string::npos);
  REQUIRE(shown.output.find("goes through a pooler") != std::string::npos);
  const auto runs = [&] { return (*daemon.get("/v1/recommendations"))["looks"][0]["at"].get<std::string>(); };
  const auto first = runs();
  REQUIRE(eventually([&] { return runs() != first; }, std::chrono::seconds(30)));
  REQUIRE(count_of(daemon.log(), "no advice") == 1);
}

TEST_CASE("every cure names the roles that are really connected") {
  PgCluster cluster;
  cluster.exec("postgres", "create role watcher login; create role actor login");
  Daemon daemon(cluster);
  daemon.set("postgresql", "  host: " + cluster.socket_dir() + "\n  port: " + std::to_string(cluster.port()) +
                               "\n  user: watcher\n  operator: {user: actor}\n");
  const auto doctor = daemon.cli({"doctor"}).output;
  INFO(doctor);
  CHECK(doctor.find("GRANT pg_monitor TO \"watcher\";") != std::string::npos);
  CHECK(doctor.find("GRANT pg_signal_backend TO \"actor\";") != std::string::npos);
  CHECK(doctor.find("pgtend setup --apply --owner OWNER -d postgres") != std::string::npos);
  CHECK(doctor.find("pgtend_") == std::string::npos);
  // One role for all of it is none that setup makes.
  CHECK(daemon.cli({"doctor", "-U", "watcher"}).output.find("pgtend setup") == std::string::npos);
  daemon.start();
  const auto detail = [&] {
    const auto status = *daemon.get("/v1/status");
    for (const auto& collector : status["item"]["collectors"])
      if (collector["name"] == "wal_directory") return collector["detail"].get<std::string>();
    return std::string();
  };
  CHECK(eventually([&] { return detail().find("cure: GRANT pg_monitor TO \"watcher\";") != std::string::npos; },
                   std::chrono::seconds(30)));
}

TEST_CASE("the audit names a row that was changed in the file") {
  PgCluster cluster;
  Daemon daemon(cluster);
  daemon.start();
  REQUIRE(daemon.cli({"freeze", "on", "-r", "test"}).status == 0);
  REQUIRE(daemon.cli({"freeze", "off"}).status == 0);
  REQUIRE(daemon.cli({"audit", "verify"}).status == 0);
  daemon.stop();
  REQUIRE(daemon.cli({"audit", "verify"}).status == 0);
  const auto tampered =
      run_command({"python3", "-c",
                   "import sqlite3,sys\n"
                   "db=sqlite3.connect(sys.argv[1])\n"
                   "for (name,) in db.execute(\"select name from sqlite_master where type='trigger' and "
                   "tbl_name='audit'\").fetchall(): db.execute('drop trigger '+name)\n"
                   "db.execute(\"update audit set actor='somebody' where sequence=1\")\n"
                   "db.commit()",
                   daemon.path("ledger.db").string()});
  REQUIRE(tampered.status == 0);
  // Without the agent the file itself is read, by the configuration or by its name.
  const auto offline = daemon.cli({"audit", "verify"});
  INFO(offline.output);
  REQUIRE(offline.status == 4);
  REQUIRE(offline.output.find("row 1") != std::string::npos);
  REQUIRE(daemon.cli({"audit", "verify", "--file", daemon.path("ledger.db").string()}).status == 4);
  REQUIRE(daemon.cli({"audit", "verify", "--file", daemon.path("none.db").string()}).status == 1);
  daemon.start();
  const auto verified = daemon.cli({"audit", "verify"});
  REQUIRE(verified.status == 4);
  REQUIRE(verified.output.find("row 1") != std::string::npos);
}

TEST_CASE("stdout is data: every listing is JSON with -o json, and an unreachable agent is exit 7") {
  PgCluster cluster;
  Daemon daemon(cluster);
  REQUIRE(daemon.cli({"status"}).status == 7);
  daemon.start();
  for (const auto* command : {"status", "findings", "recommendations", "changes", "alerts", "audit"}) {
    const auto answer = daemon.cli({command, "-o", "json"});
    const auto json = Json::parse(answer.output, nullptr, false);
    REQUIRE_FALSE(json.is_discarded());
    REQUIRE(json["schema"] == "pgtend/v1");
  }
  REQUIRE(daemon.cli({"stauts"}).status == 2);
  REQUIRE(eventually(
      [&] {
        const auto up = daemon.cli({"history", "pg_up", "-o", "json"});
        const auto json = Json::parse(up.output, nullptr, false);
        return !json.is_discarded() && !json["item"]["series"].empty();
      },
      std::chrono::seconds(20)));
}
