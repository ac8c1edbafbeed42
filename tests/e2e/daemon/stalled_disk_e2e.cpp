#include <algorithm>
#include <filesystem>

#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend::test;

namespace {

constexpr const char* kRules = R"yaml(groups:
  - name: test
    interval: 500ms
    rules:
      - alert: Idle
        expr: max by (datname) (pgtend_idle_in_transaction_age_seconds) > 1
        labels: {severity: critical}
      - alert: Up
        expr: pg_up == 1
        labels: {severity: warning}
)yaml";

long told(const WebhookSink& sink, const std::string& rule, const std::string& status) {
  const auto bodies = sink.bodies();
  return std::count_if(bodies.begin(), bodies.end(), [&](const auto& body) {
    const auto& alerts = body["alerts"];
    return std::any_of(alerts.begin(), alerts.end(), [&](const auto& alert) {
      return alert["labels"]["alertname"] == rule && alert["status"] == status;
    });
  });
}

}  // namespace

TEST_CASE("while the disk stalls alerts fire, end and are told, each once, and what is told is in the ledger after") {
  PgCluster cluster;
  WebhookSink sink;
  Daemon daemon(cluster, {{"alerting",
                           "  route: {receiver: oncall, group_by: [alertname], group_wait: 0s, group_interval: 1s}\n"
                           "  receivers: [{name: oncall, webhook_configs: [{url: \"" +
                               sink.url() + "\"}]}]\n"}});
  write_file(daemon.path("rules/idle.yaml"), kRules);
  const auto stalled = daemon.path("stalled");
  daemon.set_environment({{"LD_PRELOAD", STALLED_DISK}, {"PGTEND_TEST_STALLED", stalled.string()}});
  daemon.start();
  REQUIRE(eventually([&] { return told(sink, "Up", "firing") == 1; }, std::chrono::seconds(40)));

  write_file(stalled, "");
  const auto says_so = [&](const std::string& words) {
    return eventually([&] { return daemon.log().find(words) != std::string::npos; }, std::chrono::seconds(40));
  };
  REQUIRE(says_so("does not answer: rules and messages go on from memory"));
  {
    auto session = cluster.session();
    session.exec("begin");
    session.exec("select 1");
    const bool fired = eventually([&] { return told(sink, "Idle", "firing") == 1; }, std::chrono::seconds(40));
    INFO(daemon.log());
    REQUIRE(fired);
    const auto status = daemon.get("/v1/status");
    REQUIRE(status);
    CHECK(status->at("item").at("reason") == "the disk of history and ledger does not answer");
  }
  REQUIRE(eventually([&] { return told(sink, "Idle", "resolved") == 1; }, std::chrono::seconds(40)));

  std::filesystem::remove(stalled);
  REQUIRE(says_so("the disk of history and ledger answers again"));
  REQUIRE(says_so("the ledger takes alerts again"));
  daemon.kill();
  daemon.start();
  REQUIRE(eventually([&] { return !daemon.query("pg_up").empty(); }, std::chrono::seconds(40)));
  const auto alerts = daemon.get("/v1/alerts");
  REQUIRE(alerts);
  const auto& items = (*alerts)["items"];
  CHECK(std::any_of(items.begin(), items.end(),
                    [](const auto& one) { return one["rule"] == "Idle" && one["state"] == "resolved"; }));
  CHECK(told(sink, "Idle", "firing") == 1);
  CHECK(told(sink, "Idle", "resolved") == 1);
  CHECK(told(sink, "Up", "firing") == 1);
  CHECK(told(sink, "Up", "resolved") == 0);
}
