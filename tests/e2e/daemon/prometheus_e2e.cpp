#include "agent/http/client.hpp"
#include "agent/http/message.hpp"
#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

struct Api {
  const Daemon& daemon;

  http::ClientResponse send(const std::string& method, const std::string& path, const std::string& form = {}) const {
    http::ClientRequest request;
    request.method = method;
    request.url = "http://localhost/api/v1/" + path;
    request.unix_socket = daemon.path("pgtend.sock").string();
    if (method == "POST") request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
    request.body = form;
    const auto answer = http::send_blocking(request);
    if (!answer) throw std::runtime_error(answer.error().describe());
    return *answer;
  }
  Json data(const std::string& method, const std::string& path, const std::string& form = {}) const {
    const auto answer = send(method, path, form);
    INFO(answer.body);
    REQUIRE(answer.status == 200);
    return Json::parse(answer.body).at("data");
  }
};

}  // namespace

TEST_CASE("Grafana's questions to a Prometheus are answered by the daemon out of its history") {
  PgCluster cluster;
  Daemon daemon(cluster, {{"promql", "  range_boundary: closed\n  timeout: 3s\n"}});
  write_file(daemon.path("rules/r.yaml"),
             "groups:\n- name: g\n  interval: 500ms\n  rules:\n  - record: up:sum\n    expr: sum(pg_up)\n"
             "  - alert: AlwaysUp\n    expr: pg_up == 1\n    labels: {severity: info}\n"
             "    annotations: {summary: 'up is {{ $value }}'}\n");
  daemon.start();
  const Api api{daemon};
  REQUIRE(eventually([&] { return !api.data("GET", "query?query=up:sum").at("result").empty(); },
                     std::chrono::seconds(30)));
  // The health check of the data source.
  CHECK(api.data("POST", "query", "query=1%2B1&time=4") == Json{{"resultType", "scalar"}, {"result", {4, "2"}}});
  const auto up = api.data("POST", "query", "query=pg_up");
  REQUIRE(up.at("result").size() == 1);
  CHECK(up.at("result")[0].at("metric").at("__name__") == "pg_up");
  CHECK(up.at("result")[0].at("value")[1] == "1");
  const auto now = static_cast<std::int64_t>(up.at("result")[0].at("value")[0].get<double>());
  const auto range = api.data(
      "GET", "query_range?query=pg_up&start=" + std::to_string(now - 60) + "&end=" + std::to_string(now) + "&step=1");
  CHECK(range.at("resultType") == "matrix");
  CHECK_FALSE(range.at("result").empty());
  CHECK(api.send("GET", "series?match[]=pg_up%20offset%205m").status == 400);
  CHECK(api.data("GET", "series?match[]=pg_up").at(0).at("__name__") == "pg_up");
  const auto names = api.data("GET", "label/__name__/values");
  CHECK(std::find(names.begin(), names.end(), "pg_up") != names.end());
  const auto labels = api.data("POST", "labels", "match%5B%5D=pg_up");
  CHECK(std::find(labels.begin(), labels.end(), "__name__") != labels.end());
  CHECK(api.data("GET", "metadata?metric=pg_up").at("pg_up").at(0).at("type") == "gauge");
  CHECK(api.data("GET", "status/buildinfo").at("revision").get<std::string>().starts_with("pgtend "));
  CHECK(api.data("GET", "query_exemplars?query=pg_up") == Json::array());
  CHECK(api.data("GET", "format_query?query=sum(pg_up)by(x)") == "sum by (x) (pg_up)");
  REQUIRE(eventually([&] { return !api.data("GET", "alerts").at("alerts").empty(); }, std::chrono::seconds(30)));
  const auto alert = api.data("GET", "alerts").at("alerts").at(0);
  CHECK(alert.at("labels").at("alertname") == "AlwaysUp");
  CHECK(alert.at("state") == "firing");
  CHECK(alert.at("value") == "1e+00");
  const auto group = api.data("GET", "rules").at("groups").at(0);
  const auto& rules = group.at("rules");
  REQUIRE(rules.size() == 2);
  double sum = 0;
  for (const auto& rule : rules) {
    CHECK(rule.at("evaluationTime") > 0.0);
    CHECK(rule.at("lastEvaluation") == group.at("lastEvaluation"));
    sum += rule.at("evaluationTime").get<double>();
  }
  CHECK(group.at("evaluationTime").get<double>() >= sum);
  CHECK(*parse_rfc3339(group.at("lastEvaluation").get<std::string>()) >=
        *parse_rfc3339(alert.at("activeAt").get<std::string>()));
  CHECK(rules[1].at("state") == "firing");
  CHECK(rules[1].at("health") == "ok");
  const auto failed = api.send("GET", "query?query=pg_up%20%2B");
  CHECK(failed.status == 400);
  CHECK(Json::parse(failed.body).at("errorType") == "bad_data");
  CHECK(api.send("GET", "query?query=histogram_count(x)").body.find("native histograms") != std::string::npos);
  CHECK(api.send("GET", "rules/test/test").body.find("page not found") != std::string::npos);
}

TEST_CASE("lint, explain and backtest judge rules by the daemon's history") {
  PgCluster cluster;
  WebhookSink sink;
  Daemon daemon(cluster, {{"alerting", "  webhooks:\n  - {name: one, url: \"" + sink.url() +
                                           "\"}\n  - {name: two, url: \"" + sink.url() + "\"}\n"}});
  write_file(daemon.path("rules/r.yaml"),
             "groups:\n- name: g\n  interval: 500ms\n  rules:\n  - alert: Down\n    expr: pg_up == 0\n");
  write_file(daemon.path("mine.yaml"),
             "groups:\n- name: g\n  interval: 500ms\n  rules:\n  - alert: Mine\n    expr: pg_up > 0.5\n    for: 1s\n"
             "    annotations: {summary: 'it is {{ $value }}'}\n  - alert: Typo\n    expr: pg_upp == 0\n");
  daemon.start();
  REQUIRE(eventually(
      [&] {
        const auto answer = daemon.get("/v1/query?expr=count_over_time(pg_up%5B5m%5D)%20%3E%2010");
        return answer && !answer->at("item").at("series").empty();
      },
      std::chrono::seconds(30)));
  const auto lint = daemon.cli({"rules", "lint", daemon.path("mine.yaml").string()});
  INFO(lint.output);
  CHECK(lint.status == 4);
  CHECK(lint.output.find("Typo: nothing makes the metric pg_upp; did you mean pg_up? [unknown-metric]") !=
        std::string::npos);
  const auto loaded = daemon.cli({"rules", "lint"});
  CHECK(loaded.output == "nothing found\n");
  CHECK(loaded.status == 0);
  const auto explained = daemon.cli({"rules", "explain", "Down"});
  INFO(explained.output);
  CHECK(explained.status == 0);
  CHECK(explained.output.find("pg_up == 0") != std::string::npos);
  CHECK(explained.output.find("nothing") != std::string::npos);
  CHECK(explained.output.find("pg_up = 1") != std::string::npos);
  const auto nobody = daemon.cli({"rules", "explain", "Dawn"});
  CHECK(nobody.status == 1);
  CHECK(nobody.output.find("no loaded rule is called Dawn; did you mean Down?") != std::string::npos);
  const auto back = daemon.cli(
      {"rules", "backtest", daemon.path("mine.yaml").string(), "--since", "1m", "--rule", "Mine", "-o", "json"});
  INFO(back.output);
  REQUIRE(back.status == 0);
  const auto rule = Json::parse(back.output).at("item").at("rules").at(0);
  CHECK(rule.at("episodes") == 1);
  CHECK(rule.at("shown").at(0).at("ended_at").is_null());
  // The whole message, as it would have been sent.
  const auto message = rule.at("message").get<std::string>();
  CHECK(message.starts_with("[WARN] main: it is 1 for "));
  CHECK(message.find("Value 1, alerts at > 0.5") != std::string::npos);
  // Both receivers are told at once: without a route, nobody waits.
  CHECK(rule.at("notifications") == 2);
  CHECK(daemon.cli({"rules", "backtest", "--since", "0s"}).status == 1);
}

TEST_CASE("a lint of the shipped rules, on an agent that has just begun, finds nothing") {
  PgCluster cluster;
  Daemon daemon(cluster, {{"rules", "  evaluation_interval: 500ms\n"}});
  daemon.start();
  REQUIRE(eventually(
      [&] {
        const auto answer = daemon.get("/v1/query?expr=count_over_time(pg_up%5B5m%5D)%20%3E%2010");
        return answer && !answer->at("item").at("series").empty();
      },
      std::chrono::seconds(30)));
  const auto lint = daemon.cli({"rules", "lint"});
  CHECK(lint.output == "nothing found\n");
  CHECK(lint.status == 0);
}
