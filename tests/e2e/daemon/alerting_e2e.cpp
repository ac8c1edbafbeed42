#include <filesystem>

#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend::test;

namespace {

constexpr const char* kIdleRule = R"(groups:
  - name: test
    rules:
      - alert: IdleInTransaction
        expr: max by (datname) (pgtend_idle_in_transaction_age_seconds) > 1
        labels: {severity: warning}
        annotations: {summary: "idle on {{ $labels.datname }}"}
)";

constexpr const char* kDownRule = R"(groups:
  - name: test
    rules:
      - alert: Down
        expr: pg_up == 0
        labels: {severity: critical}
)";

std::string webhook(const WebhookSink& sink) {
  return "  webhooks: [{name: oncall, url: \"" + sink.url() + "\"}]\n";
}

bool delivered(const WebhookSink& sink, const std::string& status) {
  for (const auto& body : sink.bodies())
    if (body.value("status", "") == status) return true;
  return false;
}

std::string state_of(const Daemon& daemon, const std::string& rule) {
  const auto alerts = daemon.get("/v1/alerts");
  if (!alerts) return "no answer";
  for (const auto& alert : (*alerts)["items"])
    if (alert.value("rule", "") == rule) return alert.value("state", "");
  return "";
}

}  // namespace

TEST_CASE("an alert fires and resolves at the webhook, through a receiver that first fails") {
  PgCluster cluster;
  WebhookSink sink;
  sink.answer({503, 429});
  Daemon daemon(cluster, {{"alerting", webhook(sink)}});
  write_file(daemon.path("rules/idle.yaml"), kIdleRule);
  daemon.start();
  {
    auto session = cluster.session();
    session.exec("begin");
    session.exec("select 1");
    REQUIRE(eventually([&] { return delivered(sink, "firing"); }, std::chrono::seconds(40)));
  }
  REQUIRE(eventually([&] { return delivered(sink, "resolved"); }, std::chrono::seconds(40)));
  const auto bodies = sink.bodies();
  REQUIRE(bodies.front()["version"] == "4");
  REQUIRE(bodies.front()["alerts"][0]["labels"]["alertname"] == "IdleInTransaction");
  REQUIRE(bodies.front()["alerts"][0]["annotations"]["summary"] == "idle on postgres");
}

TEST_CASE("a firing alert is the same after kill -9, and no second message is sent for it") {
  PgCluster cluster;
  WebhookSink sink;
  Daemon daemon(cluster, {{"alerting", webhook(sink)}});
  write_file(daemon.path("rules/idle.yaml"), kIdleRule);
  daemon.start();
  auto session = cluster.session();
  session.exec("begin");
  session.exec("select 1");
  // Not only received but acknowledged: a message whose acknowledgement is lost is rightly sent again.
  REQUIRE(eventually([&] { return count_of(daemon.metrics(), "\npgtend_notifications_total{outcome=\"sent\"") == 1; },
                     std::chrono::seconds(40)));
  const auto before = (*daemon.get("/v1/alerts"))["items"][0];
  daemon.kill();
  daemon.start();
  REQUIRE(eventually([&] { return state_of(daemon, "IdleInTransaction") == "firing"; }, std::chrono::seconds(20)));
  const auto after = (*daemon.get("/v1/alerts"))["items"][0];
  REQUIRE(after["active_at"] == before["active_at"]);
  REQUIRE(after["fired_at"] == before["fired_at"]);
  // Several evaluations later there is still one message.
  const auto evaluated = after["last_seen_at"];
  REQUIRE(eventually(
      [&] {
        const auto alerts = daemon.get("/v1/alerts");
        return alerts && alerts->at("items").at(0).at("last_seen_at") > evaluated;
      },
      std::chrono::seconds(20)));
  REQUIRE(sink.bodies().size() == 1);
}

TEST_CASE("rules see what has just been sampled, written or not, and so nothing ends when the agent comes back") {
  PgCluster cluster;
  WebhookSink sink;
  Daemon daemon(cluster, {{"alerting", webhook(sink)}, {"promql", "  lookback: 1s\n"}});
  daemon.set("history", "  path: " + daemon.path("history.db").string() + "\n  commit_interval: 1m\n");
  write_file(daemon.path("rules/idle.yaml"), kIdleRule);
  daemon.start();
  auto session = cluster.session();
  session.exec("begin");
  session.exec("select 1");
  REQUIRE(eventually([&] { return delivered(sink, "firing"); }, std::chrono::seconds(40)));
  const auto before = (*daemon.get("/v1/alerts"))["items"][0];
  daemon.stop();
  // By then the last sample is older than a rule looks back.
  daemon.start();
  const auto seen = [&] { return (*daemon.get("/v1/alerts"))["items"][0]; };
  REQUIRE(eventually([&] { return seen()["last_seen_at"] > before["last_seen_at"]; }, std::chrono::seconds(40)));
  CHECK(seen()["state"] == "firing");
  CHECK(seen()["fired_at"] == before["fired_at"]);
  CHECK_FALSE(delivered(sink, "resolved"));
}

TEST_CASE("a stopped server is an alert, and sampling resumes when it is back") {
  PgCluster cluster;
  WebhookSink sink;
  Daemon daemon(cluster, {{"alerting", webhook(sink)}});
  write_file(daemon.path("rules/down.yaml"), kDownRule);
  daemon.start();
  REQUIRE(
      eventually([&] { return daemon.metrics().find("\npg_up 1") != std::string::npos; }, std::chrono::seconds(20)));
  cluster.stop("immediate");
  REQUIRE(eventually([&] { return delivered(sink, "firing"); }, std::chrono::seconds(40)));
  REQUIRE(daemon.metrics().find("\npg_up 0") != std::string::npos);
  cluster.start();
  REQUIRE(eventually([&] { return delivered(sink, "resolved"); }, std::chrono::seconds(60)));
}

TEST_CASE("a wrong password costs few attempts and gives one alert") {
  PgCluster cluster;
  cluster.exec("postgres", "CREATE ROLE pgtend_monitor LOGIN PASSWORD 'right'");
  cluster.set_hba({"local all pgtend_monitor scram-sha-256"});
  WebhookSink sink;
  Daemon daemon(cluster, {{"alerting", webhook(sink)}});
  const auto passfile = daemon.path("passfile");
  write_file(passfile, "*:*:*:pgtend_monitor:wrong\n");
  std::filesystem::permissions(passfile, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  daemon.set("postgresql", "  host: " + cluster.socket_dir() + "\n  port: " + std::to_string(cluster.port()) +
                               "\n  passfile: " + passfile.string() + "\n");
  write_file(daemon.path("rules/down.yaml"), kDownRule);
  daemon.start();
  REQUIRE(eventually([&] { return delivered(sink, "firing"); }, std::chrono::seconds(40)));
  // Twenty probes later it is still the same alert, and the server was asked hardly more often.
  const auto evaluated = [&] { return (*daemon.get("/v1/alerts"))["items"][0]["last_seen_at"].get<std::string>(); };
  std::string last = evaluated();
  for (int i = 0; i < 20; ++i) {
    REQUIRE(eventually([&] { return evaluated() > last; }, std::chrono::seconds(20)));
    last = evaluated();
  }
  CHECK(sink.bodies().size() == 1);
  CHECK(count_of(cluster.log(), "password authentication failed for user") <= 2);
  CHECK(daemon.log().find("wrong") == std::string::npos);
  CHECK(daemon.log().find("28P01") != std::string::npos);
}

TEST_CASE("a pending alert goes on waiting after a short outage, and begins anew after one longer than tolerated") {
  PgCluster cluster;
  const auto rules = [](const Daemon& daemon, const std::string& tolerance) {
    return "  shipped: false\n  files: [" + daemon.path("rules/*.yaml").string() +
           "]\n  evaluation_interval: 500ms\n  outage_tolerance: " + tolerance + "\n";
  };
  Daemon daemon(cluster);
  daemon.set("rules", rules(daemon, "1h"));
  write_file(daemon.path("rules/slow.yaml"),
             "groups: [{name: test, rules: [{alert: Slow, expr: pg_up == 1, for: 1h}]}]\n");
  daemon.start();
  const auto active_at = [&] {
    const auto alerts = daemon.get("/v1/alerts");
    return alerts && !(*alerts)["items"].empty() ? (*alerts)["items"][0]["active_at"].get<std::string>() : "";
  };
  REQUIRE(eventually([&] { return state_of(daemon, "Slow") == "pending"; }, std::chrono::seconds(30)));
  const auto first = active_at();
  daemon.kill();
  daemon.start();
  REQUIRE(eventually([&] { return !active_at().empty(); }, std::chrono::seconds(20)));
  const auto seen = (*daemon.get("/v1/alerts"))["items"][0]["last_seen_at"];
  REQUIRE(eventually(
      [&] {
        const auto alerts = daemon.get("/v1/alerts");
        return alerts && alerts->at("items").at(0).at("last_seen_at") > seen;
      },
      std::chrono::seconds(20)));
  CHECK(active_at() == first);
  daemon.stop();
  daemon.set("rules", rules(daemon, "0s"));
  daemon.start();
  REQUIRE(eventually([&] { return !active_at().empty() && active_at() > first; }, std::chrono::seconds(20)));
}

TEST_CASE("an alert with a lower threshold for its end fires until then, and its link explains it afterwards") {
  PgCluster cluster;
  WebhookSink sink;
  Daemon daemon(cluster, {{"alerting", webhook(sink) + "  external_url: https://db.example.org\n"}});
  cluster.exec("postgres", "CREATE TABLE gauge AS SELECT 1 AS n");
  std::filesystem::create_directories(daemon.path("collectors.d"));
  write_file(daemon.path("collectors.d/mine.yaml"),
             "interval: 500ms\nsql: select n from public.gauge\n"
             "columns: [{column: n, metric: pgtend_mine, help: Mine.}]\n");
  write_file(daemon.path("rules/mine.yaml"), R"(groups:
  - name: test
    rules:
      - alert: Mine
        expr: pgtend_mine > 5
        annotations: {summary: mine, pgtend_resolve_expr: pgtend_mine < 2}
)");
  daemon.start();
  const auto samples = [&] { return daemon.get("/api/v1/query?query=pgtend_mine"); };
  REQUIRE(eventually([&] { return samples() && !(*samples())["data"]["result"].empty(); }, std::chrono::seconds(60)));
  cluster.exec("postgres", "UPDATE gauge SET n = 9");
  const bool told = eventually([&] { return delivered(sink, "firing"); }, std::chrono::seconds(60));
  INFO(daemon.log() << daemon.cli({"status"}).output);
  REQUIRE(told);
  cluster.exec("postgres", "UPDATE gauge SET n = 3");
  const auto alert = [&] { return (*daemon.get("/v1/alerts"))["items"][0]; };
  REQUIRE(eventually([&] { return alert()["value"] == 3; }, std::chrono::seconds(30)));
  CHECK(alert()["state"] == "firing");
  CHECK(alert()["highest"] == 9);
  cluster.exec("postgres", "UPDATE gauge SET n = 1");
  REQUIRE(eventually([&] { return delivered(sink, "resolved"); }, std::chrono::seconds(60)));
  CHECK(alert()["resolved_value"] == 1);

  // It fires again: the link of the first message is about the first time.
  const auto first = alert()["fired_at"];
  cluster.exec("postgres", "UPDATE gauge SET n = 7");
  REQUIRE(eventually([&] { return alert()["state"] == "firing" && alert()["fired_at"] != first; },
                     std::chrono::seconds(30)));
  CHECK(alert()["highest"] == 7);
  const std::string link = sink.bodies().front()["alerts"][0]["generatorURL"];
  REQUIRE(link.starts_with("https://db.example.org/v1/alerts/"));
  const auto path = link.substr(std::string("https://db.example.org").size());
  const auto id = path.substr(std::string("/v1/alerts/").size(), 16), at = path.substr(path.find('=') + 1);
  const auto shown = daemon.cli({"alerts", "explain", id, "--at", at}).output;
  CHECK_THAT(shown, ContainsSubstring("pgtend_mine > 5"));
  // What was before it fired is there, too.
  CHECK_THAT(shown, ContainsSubstring(": 1.0 at ") && ContainsSubstring("highest 9.0"));
  const auto explained = daemon.get(path);
  REQUIRE(explained);
  CHECK((*explained)["item"]["alert"]["fired_at"] == first);
  CHECK((*explained)["item"]["alert"]["state"] == "resolved");
  const auto now = daemon.get(path.substr(0, path.find('?')));
  REQUIRE(now);
  CHECK((*now)["item"]["alert"]["state"] == "firing");
  // Nothing had begun then, and the present alert is not what was asked for.
  CHECK(daemon.get(path.substr(0, path.find('?')) + "?at=1") == std::nullopt);
  CHECK(daemon.get("/v1/alerts/ffffffffffffffff?at=2000000000") == std::nullopt);
  CHECK(daemon.get(path.substr(0, path.find('?')) + "?at=soon") == std::nullopt);
}
