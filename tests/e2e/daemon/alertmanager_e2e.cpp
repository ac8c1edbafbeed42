#include "agent/http/client.hpp"
#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend::test;

namespace {

// A real Alertmanager on a port of its own.
class Alertmanager {
 public:
  Alertmanager() : dir_("pgtend-am"), port_(free_port()) {
    write_file(dir_.path() / "am.yml", "route: {receiver: none}\nreceivers: [{name: none}]\n");
    SpawnOptions options;
    options.log = dir_.path() / "am.log";
    process_ = ChildProcess({"prometheus-alertmanager", "--config.file=" + (dir_.path() / "am.yml").string(),
                             "--storage.path=" + (dir_.path() / "data").string(),
                             "--web.listen-address=127.0.0.1:" + std::to_string(port_), "--cluster.listen-address="},
                            options);
  }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] Json alerts() const {
    pgtend::http::ClientRequest request;
    request.url = url() + "/api/v2/alerts";
    const auto answer = pgtend::http::send_blocking(request);
    return answer ? Json::parse(answer->body, nullptr, false) : Json::array();
  }

 private:
  TempDir dir_;
  int port_;
  ChildProcess process_;
};

}  // namespace

TEST_CASE("the daemon's alert reaches a real Alertmanager with an equal fingerprint, and ends there") {
  PgCluster cluster;
  Alertmanager alertmanager;
  Daemon daemon(cluster, {{"alerting", "  alertmanagers: [{url: \"" + alertmanager.url() + "\"}]\n"}});
  write_file(daemon.path("rules/idle.yaml"),
             "groups: [{name: g, rules: [{alert: Idle, labels: {severity: warning}, annotations: {summary: "
             "'idle on {{ $labels.instance }}'}, expr: max(pgtend_idle_in_transaction_age_seconds) > 1}]}]\n");
  daemon.set("rules", "  shipped: false\n  files: [" + daemon.path("rules/*.yaml").string() +
                          "]\n  evaluation_interval: 500ms\n  external_labels: {site: berlin}\n");
  daemon.set("instance", "  name: first\n");
  daemon.start();
  {
    auto session = cluster.session();
    session.exec("begin");
    session.exec("select 1");
    REQUIRE(eventually([&] { return alertmanager.alerts().size() == 1; }, std::chrono::seconds(60)));
    const auto ours = (*daemon.get("/v1/alerts"))["items"][0];
    const auto theirs = alertmanager.alerts()[0];
    REQUIRE(theirs["fingerprint"] == ours["fingerprint"]);
    REQUIRE(theirs["labels"]["alertname"] == "Idle");
    // Another agent's alert of this rule is another alert.
    REQUIRE(theirs["labels"]["instance"] == "first");
    REQUIRE(theirs["labels"]["site"] == "berlin");
    REQUIRE(theirs["annotations"]["summary"] == "idle on first");
  }
  REQUIRE(eventually([&] { return alertmanager.alerts().empty(); }, std::chrono::seconds(60)));
}
