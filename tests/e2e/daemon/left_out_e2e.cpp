// A row that a collector left out by its limit is not a row that is gone.
#include <filesystem>

#include "tests/e2e/daemon/daemon.hpp"
#include "tests/e2e/daemon/rule_scene.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend::test;

namespace {

Json alert_of(const Daemon& daemon, const std::string& rule) {
  const auto alerts = daemon.get("/v1/alerts");
  if (alerts)
    for (const auto& alert : (*alerts)["items"])
      if (alert["rule"] == rule) return alert;
  return {};
}

bool is(const Daemon& daemon, const std::string& rule, const std::string& state, bool unknown) {
  const auto alert = alert_of(daemon, rule);
  return !alert.is_null() && alert["state"] == state && alert["unknown"] == unknown;
}

bool leaves_out(const Daemon& daemon, const std::string& collector) {
  const auto status = daemon.get("/v1/status");
  if (!status) return false;
  for (const auto& one : (*status)["item"]["collectors"])
    if (one["name"] == collector && one["detail"].get<std::string>().find("beyond") != std::string::npos) return true;
  return false;
}

std::string state_of_rule(const Daemon& daemon, const std::string& rule) {
  const auto rules = daemon.get("/api/v1/rules");
  if (!rules) return {};
  for (const auto& one : rules->at("data").at("groups").at(0).at("rules"))
    if (one["name"] == rule) return one["health"];
  return {};
}

}  // namespace

TEST_CASE(
    "an alert whose collector lost its right is unknown, before and after a restart, until the right is there again") {
  PgCluster cluster;
  Daemon daemon(cluster, {{"promql", "  lookback: 1s\n"}});
  cluster.exec("postgres",
               "CREATE ROLE watcher LOGIN; CREATE TABLE lever (name text, n int);"
               "INSERT INTO lever VALUES ('a', 90), ('b', 1); GRANT SELECT ON lever TO watcher;"
               "CREATE TABLE secret (n int); INSERT INTO secret VALUES (1)");
  daemon.set("postgresql",
             "  host: " + cluster.socket_dir() + "\n  port: " + std::to_string(cluster.port()) + "\n  user: watcher\n");
  daemon.set("collection", "  directory: " + daemon.path("collectors.d").string() +
                               "\n  intervals: {identity: 500ms, self: 1s}\n  budget: {cpu_ratio: 1.0}\n");
  std::filesystem::create_directories(daemon.path("collectors.d"));
  write_file(daemon.path("collectors.d/levers.yaml"),
             "interval: 500ms\nlabels: [name]\nsql: select name, n from public.lever\n"
             "columns: [{column: n, metric: pgtend_lever, help: Levers.}]\n");
  write_file(daemon.path("collectors.d/secrets.yaml"),
             "interval: 500ms\nsql: select n from public.secret\n"
             "columns: [{column: n, metric: pgtend_secret, help: Secrets.}]\n");
  write_file(daemon.path("rules/levers.yaml"), R"(groups:
  - name: levers
    rules:
      - {alert: High, expr: 'pgtend_lever > 50'}
      - {alert: Secret, expr: 'absent(pgtend_secret)'}
)");
  daemon.start();
  INFO(daemon.log());
  REQUIRE(eventually([&] { return is(daemon, "High", "firing", false); }, kSoon));
  // What was never readable is not missed.
  REQUIRE(eventually([&] { return is(daemon, "Secret", "firing", false); }, kSoon));
  REQUIRE(eventually([&] { return !daemon.query("pgtend_collector_up{collector=\"levers\"} == 1").empty(); }, kSoon));
  const auto since = alert_of(daemon, "High")["active_at"];

  cluster.exec("postgres", "REVOKE SELECT ON lever FROM watcher");
  REQUIRE(eventually([&] { return is(daemon, "High", "firing", true); }, kSoon));
  for (const bool crash : {false, true}) {
    CAPTURE(crash);
    crash ? daemon.kill() : daemon.stop();
    daemon.start();
    REQUIRE(eventually([&] { return is(daemon, "Secret", "firing", false); }, kSoon));
    REQUIRE(
        eventually([&] { return daemon.query("time() - timestamp(pg_up) < 1 and pg_up == 1").size() == 1; }, kSoon));
    REQUIRE(daemon.query("pgtend_lever").empty());
    rounds_pass(daemon);
    CHECK(is(daemon, "High", "firing", true));
  }
  CHECK(alert_of(daemon, "High")["active_at"] == since);
  cluster.exec("postgres", "GRANT SELECT ON lever TO watcher; UPDATE lever SET n = 2");
  REQUIRE(eventually(
      [&] { return alert_of(daemon, "High").is_null() || alert_of(daemon, "High")["state"] == "resolved"; }, kSoon));
}

TEST_CASE("an alert about a row that falls behind its collector's limit goes on, and ends when the row is gone") {
  PgCluster cluster;
  Daemon daemon(cluster, {{"promql", "  lookback: 1s\n"}});
  cluster.exec("postgres",
               "CREATE TABLE lever (name text, team text, n int); INSERT INTO lever VALUES ('a', 'x', 90), "
               "('b', 'x', 1), ('c', 'x', 80), ('d', 'w', 70)");
  std::filesystem::create_directories(daemon.path("collectors.d"));
  write_file(daemon.path("collectors.d/levers.yaml"),
             "interval: 500ms\nmax_series: 5\nlabels: [name, team]\n"
             "sql: select name, team, n from public.lever order by name desc\n"
             "columns: [{column: n, metric: pgtend_lever, help: Levers.}]\n");
  write_file(daemon.path("rules/levers.yaml"), R"(groups:
  - name: levers
    rules:
      - {alert: High, expr: 'pgtend_lever{name="a"} > 50'}
      - {alert: Low, expr: 'pgtend_lever{name="c"} > 50'}
      - {alert: Team, expr: 'max by (team) (pgtend_lever{team="w"}) > 50'}
      - {alert: NoB, expr: 'absent(pgtend_lever{name="b"})'}
      - {alert: NoneLikeB, expr: 'pg_up unless on () pgtend_lever{name="b"}'}
)");
  daemon.start();
  INFO(daemon.log());
  for (const auto* rule : {"High", "Low", "Team"}) {
    INFO(rule);
    REQUIRE(eventually([&] { return is(daemon, rule, "firing", false); }, kSoon));
  }
  CHECK(alert_of(daemon, "NoB").is_null());

  cluster.exec("postgres", "INSERT INTO lever SELECT 'z' || i, 'y', 1 FROM generate_series(1, 20) i");
  REQUIRE(eventually([&] { return leaves_out(daemon, "levers"); }, kSoon));
  // What nobody asked for is not there any more, which is not known to be its end.
  REQUIRE(eventually([&] { return daemon.query("pgtend_lever{name=\"b\"}").empty(); }, kSoon));
  REQUIRE(eventually([&] { return state_of_rule(daemon, "NoB") == "unknown"; }, kSoon));
  rounds_pass(daemon);
  CHECK(alert_of(daemon, "NoB").is_null());
  CHECK(alert_of(daemon, "NoneLikeB").is_null());
  CHECK(is(daemon, "High", "firing", false));
  CHECK(is(daemon, "Low", "firing", false));

  // One that is shown and does not meet the condition resolves with its value; one whose row is gone, without.
  cluster.exec("postgres", "UPDATE lever SET n = 2 WHERE name = 'c'; DELETE FROM lever WHERE name = 'a'");
  REQUIRE(eventually([&] { return is(daemon, "Low", "resolved", false); }, kSoon));
  CHECK(alert_of(daemon, "Low")["resolved_value"] == 2);
  REQUIRE(eventually([&] { return is(daemon, "High", "resolved", false); }, kSoon));
  CHECK(alert_of(daemon, "High")["resolved_value"].is_null());
  CHECK(leaves_out(daemon, "levers"));

  // Of one without a row of its own nobody knows, until a run gives all there is.
  REQUIRE(eventually([&] { return is(daemon, "Team", "firing", true); }, kSoon));
  CHECK_THAT(alert_of(daemon, "Team")["evidence"].get<std::string>(), ContainsSubstring("levers left out"));
  cluster.exec("postgres", "UPDATE lever SET n = 2 WHERE name = 'd'; DELETE FROM lever WHERE name LIKE 'z%'");
  REQUIRE(eventually([&] { return is(daemon, "Team", "resolved", false); }, kSoon));
  CHECK(alert_of(daemon, "Team")["resolved_value"] == 2);
}

TEST_CASE("an alert about a table goes on behind three hundred larger ones, and ends when the table is dropped") {
  RuleScene scene({{"autovacuum", "off"}}, {"tables"});
  auto& daemon = scene.daemon;
  daemon.set("promql", "  lookback: 1s\n");
  scene.cluster.exec("postgres",
                     "CREATE SCHEMA app; CREATE TABLE app.victim AS SELECT generate_series(1, 5000) AS n; "
                     "DELETE FROM app.victim");
  write_file(daemon.path("rules/victim.yaml"), R"(groups:
  - name: victim
    rules:
      - {alert: Victim, expr: 'pgtend_table_dead_rows{schemaname="app"} > 1000'}
)");
  daemon.start();
  INFO(daemon.log());
  REQUIRE(eventually([&] { return is(daemon, "Victim", "firing", false); }, kSoon));
  scene.cluster.exec("postgres", R"(DO $$ BEGIN FOR i IN 1..305 LOOP
    EXECUTE format('CREATE TABLE app.big_%s AS SELECT generate_series(1, 500) AS n', i);
    EXECUTE format('ANALYZE app.big_%s', i);
  END LOOP; END $$)");
  REQUIRE(eventually([&] { return daemon.query("pgtend_table_size_estimate_bytes{relname=~\"big_.*\"}").size() > 10; },
                     kSoon));
  REQUIRE(eventually([&] { return leaves_out(daemon, "tables"); }, kSoon));
  rounds_pass(daemon);
  CHECK(is(daemon, "Victim", "firing", false));
  // It is still asked for: what is seen of it is new.
  scene.cluster.exec("postgres", "INSERT INTO app.victim SELECT generate_series(1, 50); DELETE FROM app.victim");
  REQUIRE(eventually([&] { return alert_of(daemon, "Victim")["value"] == 5050; }, kSoon));
  scene.cluster.exec("postgres", "DROP TABLE app.victim");
  REQUIRE(eventually([&] { return is(daemon, "Victim", "resolved", false); }, kSoon));
  CHECK(leaves_out(daemon, "tables"));
}
