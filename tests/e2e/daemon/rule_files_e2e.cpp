// Rule files as people have them: what Prometheus does with them, the agent does.
#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend::test;

namespace {

constexpr auto kSoon = std::chrono::seconds(40);

std::string file_of(const std::string& rules) {
  return "groups:\n  - name: test\n    rules:\n" + rules;
}

std::vector<Json> alerts_of(const Daemon& daemon, const std::string& rule) {
  std::vector<Json> out;
  const auto alerts = daemon.get("/v1/alerts");
  if (!alerts) return out;
  for (const auto& alert : (*alerts)["items"])
    if (alert["rule"] == rule) out.push_back(alert);
  return out;
}

bool fires(const Daemon& daemon, const std::string& rule) {
  const auto alerts = alerts_of(daemon, rule);
  return alerts.size() == 1 && alerts.front()["state"] == "firing";
}

// Waits for `times` further evaluations of the first group.
void evaluated(const Daemon& daemon, int times) {
  const auto last = [&] {
    const auto rules = daemon.get("/api/v1/rules");
    return rules ? rules->at("data").at("groups").at(0).at("lastEvaluation").get<std::string>() : std::string();
  };
  for (std::string before = last(); times > 0; before = last(), --times)
    REQUIRE(eventually([&] { return last() > before; }, kSoon));
}

double only_value(const Daemon& daemon, const std::string& expr) {
  const auto found = daemon.query(expr);
  return found.size() == 1 ? std::stod(found[0]["value"][1].get<std::string>()) : -1;
}

}  // namespace

TEST_CASE("two files may have groups of one name and rules of one name, and each has its own alerts") {
  PgCluster cluster;
  WebhookSink sink;
  Daemon daemon(cluster, {{"alerting", "  webhooks: [{name: oncall, url: \"" + sink.url() + "\"}]\n"}});
  write_file(daemon.path("rules/a.yaml"), file_of("      - {alert: Both, expr: 'pg_up == 0', labels: {of: a}}\n"));
  write_file(daemon.path("rules/b.yaml"), file_of("      - {alert: Both, expr: 'vector(1)', labels: {of: b}}\n"
                                                  "      - {alert: Again, expr: 'pg_up == 0'}\n"
                                                  "      - {alert: Again, expr: 'vector(2)'}\n"));
  daemon.start();
  REQUIRE(eventually([&] { return fires(daemon, "Both") && fires(daemon, "Again"); }, kSoon));
  evaluated(daemon, 4);
  CHECK(alerts_of(daemon, "Both").front()["labels"]["of"] == "b");
  CHECK(fires(daemon, "Again"));
  for (const auto& body : sink.bodies()) CHECK(body["status"] == "firing");
  // Each alert is shown once, with the rule that it is of.
  const auto alerts = daemon.get("/api/v1/alerts");
  REQUIRE(alerts);
  CHECK((*alerts)["data"]["alerts"].size() == 2);
}

TEST_CASE("a rule reads what the rules before it in its group recorded at the same moment") {
  PgCluster cluster;
  Daemon daemon(cluster);
  write_file(daemon.path("rules/a.yaml"), file_of("      - {record: 'now:a', expr: time()}\n"
                                                  "      - {record: 'now:b', expr: time() - now:a}\n"
                                                  "      - {alert: Late, expr: 'now:b != 0'}\n"));
  daemon.start();
  REQUIRE(eventually([&] { return !daemon.query("now:b").empty(); }, kSoon));
  evaluated(daemon, 3);
  CHECK(only_value(daemon, "max_over_time(now:b[1m])") == 0);
  CHECK(daemon.log().find("alert firing") == std::string::npos);
}

TEST_CASE("the limit of a group holds for recorded series, and what fails is told") {
  PgCluster cluster;
  Daemon daemon(cluster);
  write_file(daemon.path("rules/a.yaml"),
             "groups:\n  - name: test\n    limit: 1\n    rules:\n"
             "      - {record: 'many:a', expr: 'label_replace(vector(1), \"n\", \"1\", \"\", \"\") or vector(2)'}\n"
             "      - {record: 'one:a', expr: vector(1)}\n"
             "      - {alert: OnMany, expr: 'absent(many:a)'}\n");
  daemon.start();
  REQUIRE(eventually([&] { return !daemon.query("one:a").empty(); }, kSoon));
  evaluated(daemon, 2);
  CHECK(daemon.query("many:a").empty());
  CHECK(alerts_of(daemon, "OnMany").empty());
  const auto rules = daemon.get("/api/v1/rules");
  REQUIRE(rules);
  CHECK((*rules)["data"]["groups"][0]["rules"][0]["health"] == "err");
  CHECK((*rules)["data"]["groups"][0]["rules"][1]["health"] == "ok");
  REQUIRE(eventually([&] { return only_value(daemon, "sum(pgtend_rule_evaluation_failed)") > 0; }, kSoon));
}

TEST_CASE("a rule that has more results than its group's limit says so, though it has no alert") {
  PgCluster cluster;
  Daemon daemon(cluster);
  write_file(daemon.path("rules/much.yaml"),
             "groups: [{name: much, limit: 1, rules: [{alert: Many, expr: 'pgtend_collector_up >= 0'}]}]\n");
  daemon.start();
  const auto told = [&] {
    const auto rules = daemon.get("/api/v1/rules");
    if (!rules) return std::string();
    const auto& rule = rules->at("data").at("groups").at(0).at("rules").at(0);
    return rule["health"] == "err" ? rule["lastError"].get<std::string>() : std::string();
  };
  REQUIRE(eventually([&] { return !told().empty(); }, kSoon));
  CHECK(told() == "more than 1 results, the group's limit");
  CHECK(daemon.log().find("rule cannot be evaluated") != std::string::npos);
}

TEST_CASE("an alert about a recorded metric is unknown, not over, while what is recorded cannot be seen") {
  PgCluster cluster;
  Daemon daemon(cluster, {{"promql", "  lookback: 8s\n"}});
  write_file(daemon.path("rules/a.yaml"),
             file_of("      - {record: 'used:max', expr: max(pgtend_connections_used_ratio)}\n"
                     "      - {record: 'used:twice', expr: 2 * used:max}\n"
                     "      - {alert: Used, expr: 'used:twice > 0'}\n"));
  daemon.set("collection", "  directory: " + daemon.path("collectors.d").string() +
                               "\n  intervals: {identity: 500ms, connections: 500ms}\n  budget: {cpu_ratio: 1.0}\n");
  daemon.start();
  REQUIRE(eventually([&] { return fires(daemon, "Used"); }, kSoon));
  cluster.stop("immediate");
  REQUIRE(eventually([&] { return alerts_of(daemon, "Used").front()["unknown"] == true; }, kSoon));
  const auto explained =
      daemon.cli({"alerts", "explain", alerts_of(daemon, "Used").front()["fingerprint"].get<std::string>()});
  CHECK(explained.output.find("(unknown: used:twice: ") != std::string::npos);
  CHECK(explained.output.find("; its state is frozen)") != std::string::npos);
  // Beyond the lookback the recorded samples would be gone.
  REQUIRE(eventually([&] { return daemon.query("used:max").empty(); }, kSoon));
  evaluated(daemon, 3);
  REQUIRE(fires(daemon, "Used"));
  // Nor does a restart, after which nothing was recorded yet, end it.
  daemon.kill();
  daemon.start();
  evaluated(daemon, 3);
  CHECK(fires(daemon, "Used"));
  CHECK(daemon.log().find("alert resolved") == std::string::npos);
}

TEST_CASE("ALERTS and ALERTS_FOR_STATE are series that rules and queries read") {
  PgCluster cluster;
  Daemon daemon(cluster);
  write_file(daemon.path("rules/a.yaml"),
             file_of("      - {alert: Idle, expr: 'max by (datname) (pgtend_idle_in_transaction_age_seconds) > 1', "
                     "for: 2s, labels: {severity: warning}}\n"
                     "      - {alert: OnAlert, expr: 'ALERTS{alertname=\"Idle\", alertstate=\"firing\"} == 1', "
                     "labels: {alertname: ignored}}\n"));
  daemon.start();
  const std::string pending = R"(ALERTS{alertname="Idle",alertstate="pending"})", firing = R"(ALERTS{alertname="Idle",)"
                                                                                           R"(alertstate="firing"})";
  {
    auto session = cluster.session();
    session.exec("begin");
    session.exec("select 1");
    REQUIRE(eventually([&] { return only_value(daemon, pending) == 1; }, kSoon));
    REQUIRE(eventually([&] { return only_value(daemon, firing) == 1; }, kSoon));
    CHECK(daemon.query(pending).empty());
    CHECK(daemon.query(firing)[0]["metric"]["datname"] == "postgres");
    const auto since = only_value(daemon, "time() - ALERTS_FOR_STATE{alertname=\"Idle\"}");
    CHECK(since >= 2);
    CHECK(since < 60);
    REQUIRE(eventually([&] { return fires(daemon, "OnAlert"); }, kSoon));
  }
  REQUIRE(eventually([&] { return daemon.query(firing).empty(); }, kSoon));
  CHECK(only_value(daemon, "count(last_over_time(ALERTS[5m]))") >= 1);
  CHECK(daemon.cli({"rules", "lint"}).output.find("unknown-metric") == std::string::npos);
}
