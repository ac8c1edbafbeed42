// From the sample that breaks a rule to the webhook.
#include <algorithm>
#include <cmath>

#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

constexpr int kRules = 7;

// Each breaks at another sample of the same transaction.
std::string rules() {
  std::string out = "groups:\n- name: latency\n  interval: 250ms\n  rules:\n";
  for (int i = 1; i <= kRules; ++i)
    out += "  - alert: Older" + std::to_string(i) + "\n    expr: pgtend_idle_in_transaction_age_seconds > " +
           std::to_string(i) + "\n    for: 1s\n";
  return out;
}

// The first stored sample of the age above `threshold`.
UtcTime broken_at(const Daemon& daemon, double threshold) {
  const auto answer =
      daemon.get("/api/v1/query?query=pgtend_idle_in_transaction_age_seconds%7Bdatname%3D%22postgres%22%7D%5B10m%5D");
  REQUIRE(answer);
  for (const auto& sample : answer->at("data").at("result").at(0).at("values"))
    if (std::stod(sample.at(1).get<std::string>()) > threshold)
      return UtcTime(Millis(std::llround(sample.at(0).get<double>() * 1000)));
  FAIL("no sample above the threshold");
  return {};
}

}  // namespace

TEST_CASE("a webhook hears of a broken rule within a second beyond `for`") {
  PgCluster cluster;
  WebhookSink sink;
  const std::string address = "http://127.0.0.1:9/agent";
  Daemon daemon(cluster, {{"alerting", "  external_url: " + address + "/\n  webhooks: [{name: oncall, url: \"" +
                                           sink.url() + "\"}]\n"}});
  write_file(daemon.path("rules/r.yaml"), rules());
  auto session = cluster.session();
  daemon.start();
  // An agent that has just started lets samples come in before it looks at rules; that wait is not measured here.
  const auto evaluated = [&] {
    const auto answer = daemon.get("/api/v1/rules");
    return answer && answer->at("data").at("groups").at(0).at("rules").at(0).at("health") == "ok";
  };
  REQUIRE(eventually(evaluated, std::chrono::seconds(30)));
  session.exec("begin; select 1");
  REQUIRE(eventually([&] { return sink.bodies().size() >= kRules; }, std::chrono::seconds(60)));
  const auto bodies = sink.bodies();
  const auto arrivals = sink.arrivals();
  std::vector<Millis> beyond;
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    REQUIRE(bodies[i]["status"] == "firing");
    const auto name = bodies[i]["alerts"][0]["labels"]["alertname"].get<std::string>();
    const auto link = bodies[i]["alerts"][0]["generatorURL"].get<std::string>();
    REQUIRE(link.starts_with(address + "/v1/alerts/"));
    CHECK(daemon.get(link.substr(address.size()))->at("item").at("alert").at("rule") == name);
    const double threshold = std::stod(name.substr(std::string("Older").size()));
    beyond.push_back(arrivals[i] - broken_at(daemon, threshold) - Millis(1000));
    UNSCOPED_INFO(name << ": " << beyond.back().count() << " ms beyond `for`");
  }
  // The median, because another process may take the machine for a moment. A rule is not told before its time.
  std::sort(beyond.begin(), beyond.end());
  CHECK(beyond.front() >= Millis(0));
  CHECK(beyond[beyond.size() / 2] < Millis(1000));
  // Measured, so that a person sees what a run gave.
  WARN("median " << beyond[beyond.size() / 2].count() << " ms, worst " << beyond.back().count() << " ms beyond `for`");
}
