#include <filesystem>

#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend::test;

namespace {

constexpr const char* kRules = R"yaml(groups:
  - name: test
    interval: 1s
    rules:
      - alert: Idle
        expr: max by (datname) (pgtend_idle_in_transaction_age_seconds) > 1
        labels: {severity: warning}
        annotations: {summary: "idle on {{ $labels.datname }}", pgtend_causes: "topk(3, pgtend_sessions)"}
      - alert: Idle
        expr: max by (datname) (pgtend_idle_in_transaction_age_seconds) > 3
        labels: {severity: critical}
        annotations: {summary: "idle for long on {{ $labels.datname }}"}
)yaml";

std::string receivers(const WebhookSink& warnings, const WebhookSink& pages, const WebhookSink& beats) {
  return "  built_in_inhibit: false\n"
         "  route:\n    receiver: warnings\n    group_by: [alertname, datname]\n    group_wait: 0s\n    "
         "group_interval: 1s\n"
         "    routes: [{receiver: pages, matchers: ['severity=\"critical\"']}]\n"
         "  receivers:\n"
         "    - {name: warnings, webhook_configs: [{url: \"" +
         warnings.url() +
         "\"}]}\n"
         "    - {name: pages, webhook_configs: [{url: \"" +
         pages.url() +
         "\"}]}\n"
         "  heartbeat: {url: \"" +
         beats.url() + "\", method: POST, interval: 1s}\n";
}

bool told(const WebhookSink& sink, const std::string& status, const std::string& severity) {
  for (const auto& body : sink.bodies())
    if (body.value("status", "") == status && body["alerts"][0]["labels"].value("severity", "") == severity)
      return true;
  return false;
}

std::string id_of(const Daemon& daemon, const std::string& severity) {
  const auto alerts = daemon.get("/v1/alerts");
  if (!alerts) return "";
  for (const auto& alert : (*alerts)["items"])
    if (alert["labels"].value("severity", "") == severity && alert["state"] == "firing") return alert["fingerprint"];
  return "";
}

}  // namespace

TEST_CASE("two rules of one name go their own ways, and a person acknowledges, asks why, and tries a receiver") {
  PgCluster cluster;
  WebhookSink warnings, pages, beats;
  Daemon daemon(cluster, {{"alerting", receivers(warnings, pages, beats)}});
  write_file(daemon.path("rules/idle.yaml"), kRules);
  daemon.start();
  const bool beaten = eventually([&] { return !beats.bodies().empty(); }, std::chrono::seconds(30));
  INFO(daemon.log());
  REQUIRE(beaten);
  // The causes are those of the moment at which it fires.
  REQUIRE(eventually(
      [&] {
        const auto sessions = daemon.query_answer("pgtend_sessions");
        return sessions && !sessions->empty();
      },
      std::chrono::seconds(30)));
  {
    auto session = cluster.session();
    session.exec("begin");
    session.exec("select 1");
    REQUIRE(eventually([&] { return told(warnings, "firing", "warning"); }, std::chrono::seconds(40)));
    REQUIRE(eventually([&] { return told(pages, "firing", "critical"); }, std::chrono::seconds(40)));
    CHECK_FALSE(told(warnings, "firing", "critical"));

    const auto id = id_of(daemon, "critical");
    REQUIRE_FALSE(id.empty());
    const auto acknowledged = daemon.cli({"alerts", "ack", id.substr(0, 10), "--by", "ann", "-m", "on it"});
    INFO(acknowledged.output);
    REQUIRE(acknowledged.status == 0);
    CHECK(acknowledged.output.find("until resolved by ann") != std::string::npos);
    CHECK(daemon.cli({"alerts", "silences"}).output.find("ann") != std::string::npos);
    const auto explained = daemon.cli({"alerts", "explain", id});
    INFO(explained.output);
    CHECK(explained.output.find("not told: silence") != std::string::npos);
    CHECK(explained.output.find("pgtend_idle_in_transaction_age_seconds") != std::string::npos);
    CHECK(explained.output.find("alerts at > 3") != std::string::npos);
    CHECK(daemon.cli({"alerts", "explain", id_of(daemon, "warning")}).output.find("Likely causes") !=
          std::string::npos);
    CHECK(daemon.cli({"audit"}).output.find("silence.add") != std::string::npos);

    const auto idle = daemon.cli({"alerts", "silence", "alertname=\"Nobody\"", "--until-resolved"});
    CHECK(idle.status != 0);
    CHECK(idle.output.find("no alert matches") != std::string::npos);
    const auto all = daemon.cli({"alerts", "silence", "team=\"\"", "--for", "1h"});
    CHECK(all.status != 0);
    CHECK(all.output.find("needs a matcher") != std::string::npos);
    CHECK(daemon.cli({"alerts", "silence", "alertname=\"Nobody\"", "--for", "1h"}).status == 0);

    const auto tried = daemon.cli({"alerts", "test", "pages"});
    INFO(tried.output);
    CHECK(tried.status == 0);
    CHECK(tried.output.find("pages/webhook/0: sent") != std::string::npos);
    CHECK(daemon.cli({"alerts", "test", "nobody"}).status != 0);
  }
  // Whoever was told that it fires hears the end, acknowledged or not, with the value that ended it.
  REQUIRE(eventually([&] { return told(pages, "resolved", "critical"); }, std::chrono::seconds(40)));
  REQUIRE(eventually([&] { return told(warnings, "resolved", "warning"); }, std::chrono::seconds(40)));
  for (const auto& body : warnings.bodies())
    if (body["status"] == "resolved") CHECK(body["alerts"][0]["resolvedValue"].get<double>() <= 1);
  CHECK(eventually([&] { return daemon.cli({"alerts", "silences"}).output.find("ended") != std::string::npos; }));
  CHECK(daemon.cli({"alerts", "outbox", "--state", "sent"}).output.find("pages/webhook/0") != std::string::npos);
}

TEST_CASE("the next message of a receiver says, once, how many before it were dropped") {
  PgCluster cluster;
  WebhookSink sink;
  Daemon daemon(cluster);
  write_file(daemon.path("slack_url"), sink.url());
  std::filesystem::permissions(daemon.path("slack_url"), std::filesystem::perms(0600));
  daemon.set("alerting",
             "  route: {receiver: chat, group_by: [alertname], group_wait: 0s, group_interval: 1s}\n"
             "  receivers: [{name: chat, slack_configs: [{api_url_file: \"" +
                 daemon.path("slack_url").string() + "\"}]}]\n");
  daemon.start();
  daemon.stop();
  // As a spool that was full has left it; that it counts so is tested where it is full.
  const auto noted = run_command({"python3", "-c",
                                  "import sqlite3,sys\n"
                                  "db=sqlite3.connect(sys.argv[1])\n"
                                  "db.execute(\"insert into meta values ('kv.outbox.dropped.chat/slack/0', '3')\")\n"
                                  "db.commit()",
                                  daemon.path("ledger.db").string()});
  REQUIRE(noted.status == 0);
  const auto rule = [&](const std::string& name) {
    write_file(daemon.path("rules/" + name + ".yaml"), "groups: [{name: " + name + ", rules: [{alert: " + name +
                                                           ", expr: vector(1), labels: {severity: warning}}]}]\n");
  };
  const auto text_of = [&](const std::string& name) {
    for (const auto& body : sink.bodies())
      if (const auto text = body.dump(); text.find(name) != std::string::npos) return text;
    return std::string();
  };
  rule("First");
  daemon.start();
  REQUIRE(eventually([&] { return !text_of("First").empty(); }, std::chrono::seconds(40)));
  CHECK(text_of("First").find("3 messages before this one were dropped") != std::string::npos);
  rule("Second");
  daemon.hang_up();
  REQUIRE(eventually([&] { return !text_of("Second").empty(); }, std::chrono::seconds(40)));
  CHECK(text_of("Second").find("dropped") == std::string::npos);
}

TEST_CASE("receivers stand by while an Alertmanager answers, and take over when none does") {
  PgCluster cluster;
  WebhookSink own;
  const auto nowhere = "http://127.0.0.1:" + std::to_string(free_port());
  // They hear of it when they take over, not an interval after.
  Daemon daemon(cluster, {{"alerting",
                           "  route: {receiver: own, group_by: [alertname], group_wait: 0s, group_interval: 10m}\n"
                           "  webhooks: [{name: own, url: \"" +
                               own.url() + "\"}]\n  alertmanagers: [{url: \"" + nowhere +
                               "\"}]\n  resend_interval: 1s\n  fallback_after: 5s\n"}});
  write_file(daemon.path("rules/idle.yaml"), kRules);
  daemon.start();
  auto session = cluster.session();
  session.exec("begin");
  session.exec("select 1");
  REQUIRE(eventually([&] { return !id_of(daemon, "warning").empty(); }, std::chrono::seconds(40)));
  CHECK(own.bodies().empty());
  REQUIRE(eventually([&] { return told(own, "firing", "warning") || told(own, "firing", "critical"); },
                     std::chrono::seconds(60)));
}

TEST_CASE("routes, runbooks and their mistakes are answered without an agent") {
  PgCluster cluster;
  WebhookSink a, b, c;
  Daemon daemon(cluster, {{"alerting", receivers(a, b, c)}});
  CHECK(daemon.cli({"routes", "test", "severity=critical"}).output.find("pages") == 0);
  CHECK(daemon.cli({"routes", "test", "severity=warning", "x=y"}).output.find("warnings") == 0);
  CHECK(daemon.cli({"routes", "show"}).output.find("severity=\"critical\"") != std::string::npos);
  CHECK(daemon.cli({"runbook", "PgDown"}).output.find("## Do") != std::string::npos);
  const auto slip = daemon.cli({"runbook", "PgDwn"});
  CHECK(slip.status != 0);
  CHECK(slip.output.find("did you mean 'PgDown'?") != std::string::npos);
  CHECK(daemon.cli({"runbook", "Unheard"}).output.find("`pgtend runbook` lists those") != std::string::npos);
}
