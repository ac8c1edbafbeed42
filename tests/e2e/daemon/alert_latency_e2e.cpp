// From the sample that breaks a rule to the webhook.
#include <algorithm>
#include <cmath>

#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

constexpr int kRules = 7;

// Each breaks at another sample of the same transaction, with `for` and without.
std::string rules() {
  std::string out = "groups:\n- name: latency\n  rules:\n";
  for (int i = 1; i <= kRules; ++i) {
    const std::string rule = std::to_string(i) + "\n    expr: pgtend_idle_in_transaction_age_seconds > ";
    out += "  - alert: Older" + rule + std::to_string(i) + "\n    for: 1s\n";
    out += "  - alert: Atonce" + rule + std::to_string(i) + ".5\n";
  }
  return out;
}

// The time beyond `for`, sorted; the median counts, because another process may take the machine for a moment.
Millis median(std::vector<Millis>& beyond, const char* what) {
  REQUIRE(beyond.size() == kRules);
  std::sort(beyond.begin(), beyond.end());
  const Millis middle = beyond[beyond.size() / 2];
  // So that a person sees what a run gave.
  WARN(what << ": median " << middle.count() << " ms, worst " << beyond.back().count() << " ms beyond `for`");
  return middle;
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

TEST_CASE("a webhook hears of a broken rule within a second beyond `for`, at the default interval") {
  PgCluster cluster;
  WebhookSink sink;
  const std::string address = "http://127.0.0.1:9/agent";
  Daemon daemon(cluster, {{"alerting", "  external_url: " + address + "/\n  webhooks: [{name: oncall, url: \"" +
                                           sink.url() + "\"}]\n"}});
  daemon.set("rules", "  shipped: false\n  files: [" + daemon.path("rules").string() + "/*.yaml]\n");
  write_file(daemon.path("rules/r.yaml"), rules());
  auto session = cluster.session();
  daemon.start();
  // An agent that has just started lets samples come in before it looks at rules; that wait is not measured here.
  const auto evaluated = [&] {
    const auto answer = daemon.get("/api/v1/rules");
    return answer && answer->at("data").at("groups").at(0).at("rules").at(0).at("health") == "ok";
  };
  REQUIRE(eventually(evaluated, std::chrono::seconds(30)));
  REQUIRE(daemon.get("/api/v1/rules")->at("data").at("groups").at(0).at("interval") == 15);
  session.exec("begin; select 1");
  REQUIRE(eventually([&] { return sink.bodies().size() >= 2 * kRules; }, std::chrono::seconds(60)));
  const auto bodies = sink.bodies();
  const auto arrivals = sink.arrivals();
  std::vector<Millis> held, at_once;
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    if (bodies[i]["status"] != "firing") continue;
    const auto name = bodies[i]["alerts"][0]["labels"]["alertname"].get<std::string>();
    const auto link = bodies[i]["alerts"][0]["generatorURL"].get<std::string>();
    REQUIRE(link.starts_with(address + "/v1/alerts/"));
    CHECK(daemon.get(link.substr(address.size()))->at("item").at("alert").at("rule") == name);
    const bool waits = name.starts_with("Older");
    const int number = name.back() - '0';
    const Millis took = arrivals[i] - broken_at(daemon, waits ? number : number + 0.5);
    (waits ? held : at_once).push_back(waits ? took - Millis(1000) : took);
  }
  CHECK(median(held, "for: 1s") < Millis(1000));
  CHECK(median(at_once, "no for") < Millis(1000));
  // A rule is not told before its time.
  CHECK(held.front() >= Millis(0));
}
