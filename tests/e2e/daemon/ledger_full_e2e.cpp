// A ledger that takes nothing must not silence the agent.
#include <sys/mount.h>
#include <unistd.h>

#include <fstream>

#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

std::string alerting(const WebhookSink& sink) {
  return "  webhooks: [{name: oncall, url: \"" + sink.url() + "\"}]\n";
}

void add_rule(const Daemon& daemon, const std::string& name) {
  write_file(daemon.path("rules/" + name + ".yaml"),
             "groups:\n- name: " + name + "\n  interval: 500ms\n  rules: [{alert: " + name + ", expr: vector(1)}]\n");
}

bool was_told(const WebhookSink& sink, const std::string& name) {
  const auto bodies = sink.bodies();
  return std::any_of(bodies.begin(), bodies.end(), [&](const Json& body) {
    return body["status"] == "firing" && body["alerts"][0]["labels"]["alertname"] == name;
  });
}

bool is_writable(const Daemon& daemon) {
  const auto status = daemon.get("/v1/status");
  return status && status->at("item").at("ledger").at("writable").get<bool>();
}

std::string active_at(const Daemon& daemon, const std::string& rule) {
  const auto alerts = daemon.get("/v1/alerts");
  if (!alerts) return {};
  for (const auto& alert : alerts->at("items"))
    if (alert.at("rule") == rule) return alert.at("active_at").get<std::string>();
  return {};
}

}  // namespace

TEST_CASE("without a ledger alerts are told all the same, and advice can be seen") {
  PgCluster cluster;
  WebhookSink sink;
  Daemon daemon(cluster, {{"alerting", alerting(sink)}, {"ledger", "  path: /proc/no/ledger.db\n"}});
  add_rule(daemon, "Alone");
  daemon.start();
  CHECK(eventually([&] { return was_told(sink, "Alone"); }, std::chrono::seconds(60)));
  CHECK_FALSE(is_writable(daemon));
  CHECK(daemon.get("/v1/recommendations"));
  CHECK(daemon.get("/v1/findings"));
}

TEST_CASE("without a ledger receivers take over from an Alertmanager that cannot be reached all the same") {
  PgCluster cluster;
  WebhookSink sink;
  const auto nobody = "http://127.0.0.1:" + std::to_string(free_port());
  Daemon daemon(cluster, {{"alerting", "  alertmanagers: [{url: \"" + nobody +
                                           "\"}]\n  resend_interval: 1s\n  fallback_after: 2s\n" + alerting(sink)},
                          {"ledger", "  path: /proc/no/ledger.db\n"}});
  add_rule(daemon, "Alone");
  daemon.start();
  CHECK(eventually([&] { return was_told(sink, "Alone"); }, std::chrono::seconds(60)));
}

TEST_CASE("alerts go on while the ledger's disk is full, and are in the ledger when it has room again") {
  TempDir dir("pgtend-ledger");
  // Only root may make a file system that is really full.
  if (::geteuid() != 0 || ::mount("tmpfs", dir.path().c_str(), "tmpfs", 0, "size=1m") != 0) {
    WARN("no tmpfs of its own for this user on this machine");
    return;
  }
  const auto filler = dir.path() / "filler";
  {
    PgCluster cluster;
    WebhookSink sink;
    Daemon daemon(cluster,
                  {{"alerting", alerting(sink)}, {"ledger", "  path: " + (dir.path() / "ledger.db").string() + "\n"}});
    add_rule(daemon, "Before");
    daemon.start();
    REQUIRE(eventually([&] { return was_told(sink, "Before"); }, std::chrono::seconds(60)));
    CHECK(is_writable(daemon));
    {
      std::ofstream out(filler, std::ios::binary);
      const std::string block(512, 'x');
      while (out.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
      }
    }
    add_rule(daemon, "Meanwhile");
    daemon.hang_up();
    CHECK(eventually([&] { return was_told(sink, "Meanwhile"); }, std::chrono::seconds(60)));
    CHECK(eventually([&] { return !is_writable(daemon); }, std::chrono::seconds(10)));
    std::filesystem::remove(filler);
    add_rule(daemon, "After");
    daemon.hang_up();
    CHECK(eventually([&] { return was_told(sink, "After"); }, std::chrono::seconds(60)));
    CHECK(eventually([&] { return is_writable(daemon); }, std::chrono::seconds(30)));
    const auto began = active_at(daemon, "Meanwhile");
    CHECK(!began.empty());
    daemon.kill();
    daemon.start();
    CHECK(eventually([&] { return active_at(daemon, "Meanwhile") == began; }, std::chrono::seconds(30)));
  }
  CHECK(::umount2(dir.path().c_str(), MNT_DETACH) == 0);
}
