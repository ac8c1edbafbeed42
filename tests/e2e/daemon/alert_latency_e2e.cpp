// From the sample that breaks a rule to the webhook.
#include <algorithm>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cmath>
#include <thread>

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

namespace {

// A receiver that takes connections and never answers.
class DeafServer {
 public:
  DeafServer() : acceptor_(io_, {boost::asio::ip::make_address("127.0.0.1"), 0}) {}
  [[nodiscard]] std::string url() const {
    return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + "/";
  }

 private:
  boost::asio::io_context io_;
  boost::asio::ip::tcp::acceptor acceptor_;
};

// A rule of its user about a session that idles in its transaction, and one that always fires.
constexpr const char* kIdleRules = R"yaml(groups:
  - name: test
    interval: 500ms
    rules:
      - alert: Idle
        expr: max by (datname) (pgtend_idle_in_transaction_age_seconds) > 1
      - alert: Up
        expr: pg_up == 1
)yaml";

bool is_told(const WebhookSink& sink, const std::string& rule, const std::string& status) {
  const auto bodies = sink.bodies();
  return std::any_of(bodies.begin(), bodies.end(), [&](const Json& body) {
    return body["status"] == status && body["alerts"][0]["labels"]["alertname"] == rule;
  });
}

}  // namespace

TEST_CASE("receivers that never answer hold up neither the rules, nor other receivers, nor the end of the agent") {
  PgCluster cluster;
  WebhookSink sink;
  const DeafServer deaf;
  std::string receivers = "  receivers:\n    - name: oncall\n      webhook_configs:\n";
  for (int i = 0; i < 3; ++i) receivers += "        - {url: '" + deaf.url() + "', timeout: 120s}\n";
  receivers += "        - {url: '" + sink.url() + "'}\n";
  Daemon daemon(cluster, {{"alerting",
                           "  route: {receiver: oncall, group_by: [alertname], group_wait: 0s, group_interval: 1s}\n" +
                               receivers}});
  write_file(daemon.path("rules/idle.yaml"), kIdleRules);
  daemon.start();
  REQUIRE(eventually([&] { return is_told(sink, "Up", "firing"); }, std::chrono::seconds(40)));
  {
    auto session = cluster.session();
    session.exec("begin");
    session.exec("select 1");
    REQUIRE(eventually([&] { return is_told(sink, "Idle", "firing"); }, std::chrono::seconds(40)));
  }
  REQUIRE(eventually([&] { return is_told(sink, "Idle", "resolved"); }, std::chrono::seconds(40)));
  daemon.stop();
  CHECK_THAT(daemon.log(), ContainsSubstring("pgtend stopped"));
}

TEST_CASE("queries of dashboards, however many and slow, do not keep rules from being evaluated") {
  PgCluster cluster;
  WebhookSink sink;
  Daemon daemon(cluster, {{"alerting",
                           "  route: {receiver: oncall, group_by: [alertname], group_wait: 0s}\n"
                           "  receivers: [{name: oncall, webhook_configs: [{url: \"" +
                               sink.url() + "\"}]}]\n"}});
  write_file(daemon.path("rules/idle.yaml"), kIdleRules);
  daemon.start();
  REQUIRE(eventually([&] { return is_told(sink, "Up", "firing"); }, std::chrono::seconds(40)));
  std::atomic<bool> enough = false;
  std::atomic<int> asked = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 12; ++i)
    clients.emplace_back([&] {
      while (!enough) {
        (void)daemon.get(
            "/api/v1/query_range?query=quantile_over_time(0.9,vector(time())%5B20m:1s%5D)&start=0&end=10000&step=1");
        ++asked;
      }
    });
  auto session = cluster.session();
  session.exec("begin");
  session.exec("select 1");
  const bool told = eventually([&] { return is_told(sink, "Idle", "firing"); }, std::chrono::seconds(40));
  const int before = asked;
  CHECK(told);
  // They were at it all the time.
  CHECK(eventually([&] { return asked > before; }, std::chrono::seconds(40)));
  enough = true;
  for (auto& client : clients) client.join();
}
