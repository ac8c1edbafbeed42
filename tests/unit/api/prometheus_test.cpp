#include <nlohmann/json.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/api/house.hpp"

using namespace pgtend;
using namespace pgtend::test;
using nlohmann::json;

namespace {

struct Prometheus : House {
  http::Response send(const std::string& method, const std::string& target, const std::string& form = {}) {
    return ask(method, "/api/v1/" + target, form, http::Right::viewer,
               method == "POST" ? "application/x-www-form-urlencoded" : "");
  }
  json get(const std::string& target) { return json::parse(send("GET", target).body); }
  json data(const std::string& target) {
    const auto answer = get(target);
    INFO(answer.dump());
    REQUIRE(answer.at("status") == "success");
    return answer.at("data");
  }
};

json failed(const std::string& type, const std::string& error) {
  return {{"status", "error"}, {"errorType", type}, {"error", error}};
}

Error error_of(Errc code, const std::string& message) {
  Error error;
  error.code = code;
  error.message = message;
  return error;
}

}  // namespace

TEST_CASE("a query's parameters come from the address or from a form, the form first") {
  Prometheus p;
  CHECK(p.data("query?query=up&time=1700000000.5&timeout=2s").at("resultType") == "vector");
  CHECK(p.view.expr == "up");
  CHECK(to_ms(p.view.range.from) == 1'700'000'000'500);
  CHECK(p.view.timeout == Millis(2'000));
  CHECK(p.send("POST", "query?query=ignored&time=1", "query=a%2Bb&time=2").status == 200);
  CHECK(p.view.expr == "a+b");
  CHECK(to_ms(p.view.range.from) == 2'000);
  CHECK(p.send("GET", "query?query=up").status == 200);
  CHECK(p.view.range.from == kThen);
  CHECK(p.send("POST", "query_range", "query=x&start=2023-11-14T22:00:00Z&end=1700000000&step=15s").status == 200);
  CHECK(p.view.step == Millis(15'000));
  CHECK(p.send("POST", "query", "query=%zz").status == 400);
}

TEST_CASE("every path takes a form as well") {
  Prometheus p;
  for (const auto* path : {"labels", "label/datname/values", "metadata", "rules", "alerts", "status/buildinfo"}) {
    INFO(path);
    const auto answer = p.send("POST", path, "limit=1");
    CHECK(answer.status == 200);
    CHECK(answer.body == p.send("GET", std::string(path) + "?limit=1").body);
  }
  CHECK(json::parse(p.send("POST", "rules", "type=record").body).at("data").at("groups")[0].at("rules").size() == 1);
}

TEST_CASE("parameters that cannot be read are bad_data in Prometheus's words") {
  Prometheus p;
  const auto error = [&](const std::string& target) {
    const auto answer = p.send("GET", target);
    CHECK(answer.status == 400);
    const auto body = json::parse(answer.body);
    CHECK(body.at("status") == "error");
    CHECK(body.at("errorType") == "bad_data");
    return body.at("error").get<std::string>();
  };
  CHECK(error("query?query=1&time=x") ==
        R"(invalid parameter "time": Invalid time value for 'time': cannot parse "x" to a valid timestamp)");
  CHECK(error("query?query=1&time=nan") ==
        R"(invalid parameter "time": Invalid time value for 'time': cannot parse "nan" to a valid timestamp)");
  CHECK(error("query_range?query=1") == R"(invalid parameter "start": cannot parse "" to a valid timestamp)");
  CHECK(error("query_range?query=1&start=2&end=1&step=1") ==
        R"(invalid parameter "end": end timestamp must not be before start time)");
  CHECK(error("query_range?query=1&start=1&end=2&step=x") ==
        R"(invalid parameter "step": cannot parse "x" to a valid duration)");
  CHECK_THAT(error("query_range?query=1&start=1&end=2&step=0"), ContainsSubstring("zero or negative query resolution"));
  CHECK_THAT(error("query_range?query=1&start=1&end=2&step=0.0001"), ContainsSubstring("zero or negative"));
  CHECK_THAT(error("query_range?query=1&start=0&end=11001&step=1"), ContainsSubstring("maximum resolution of 11,000"));
  CHECK(p.send("GET", "query_range?query=1&start=0&end=11000&step=1").status == 200);
  CHECK(error("series") == "no match[] parameter provided");
  CHECK(error("label/a-b/values") == R"(invalid label name: "a-b")");
  CHECK(error("query_exemplars?query=up&start=x") ==
        R"(invalid parameter "start": Invalid time value for 'start': cannot parse "x" to a valid timestamp)");
  CHECK(error("query_exemplars?query=up&start=2&end=1") == "end timestamp must not be before start timestamp");
  CHECK(error("rules?type=x") == R"(invalid parameter "type": not supported value "x")");
}

TEST_CASE("what fails in the agent has the status and the type that Prometheus gives it") {
  Prometheus p;
  const auto answer = [&](Errc code) {
    p.view.failure = error_of(code, "why");
    const auto response = p.send("GET", "query?query=x");
    return std::pair(response.status, json::parse(response.body));
  };
  CHECK(answer(Errc::parse) == std::pair(400, failed("bad_data", R"(invalid parameter "query": why)")));
  CHECK(json::parse(p.send("GET", "query_exemplars?query=x").body) == failed("bad_data", "why"));
  CHECK(answer(Errc::invalid_argument) == std::pair(422, failed("execution", "why")));
  CHECK(answer(Errc::resource_exhausted) == std::pair(422, failed("execution", "why")));
  CHECK(answer(Errc::timeout) == std::pair(503, failed("timeout", "why")));
  CHECK(answer(Errc::unavailable) == std::pair(503, failed("unavailable", "why")));
  CHECK(answer(Errc::corrupt) == std::pair(500, failed("internal", "why")));
}

TEST_CASE("lists of series, labels, values and metadata") {
  Prometheus p;
  CHECK(p.data("series?match[]=up&match[]=down") == json::array({{{"__name__", "up"}, {"datname", "shop"}}}));
  CHECK(p.view.selectors == std::vector<std::string>{"up", "down"});
  CHECK(p.data("labels") == json::array({"__name__", "datname"}));
  CHECK(p.data("label/__name__/values") == json::array({"up"}));
  CHECK(p.data("label/datname/values?match[]=up") == json::array({"shop"}));
  CHECK(p.data("label/U__datname/values") == json::array({"shop"}));
  CHECK(p.data("label/nobody/values") == json::array());
  const auto cut = p.get("labels?limit=1");
  CHECK(cut.at("data") == json::array({"__name__"}));
  CHECK(cut.at("warnings") == json::array({"results truncated due to limit"}));
  CHECK(p.data("metadata").size() == 3);
  CHECK(p.data("metadata?metric=pg_rows") ==
        json{{"pg_rows", json::array({{{"type", "counter"}, {"help", "Rows."}, {"unit", ""}}})}});
  CHECK(p.data("metadata?limit=1").size() == 1);
  CHECK(p.data("query_exemplars?query=x") == json::array());
  CHECK(p.data("query_exemplars?query=x&start=1&end=2") == json::array());
  CHECK(p.data("format_query?query=x") == "(x)");
}

TEST_CASE("rules and alerts as a Prometheus shows them") {
  Prometheus p;
  const auto groups = p.data("rules").at("groups");
  REQUIRE(groups.size() == 1);
  CHECK(groups[0].at("interval") == 15.0);
  const auto& rules = groups[0].at("rules");
  REQUIRE(rules.size() == 2);
  CHECK(rules[0].at("type") == "alerting");
  CHECK(rules[0].at("duration") == 60.0);
  CHECK(rules[0].at("state") == "firing");
  CHECK(rules[0].at("alerts").size() == 1);
  CHECK(rules[1].at("type") == "recording");
  CHECK(rules[1].at("lastError") == "it broke");
  CHECK_FALSE(rules[1].contains("alerts"));
  CHECK(rules[0].at("evaluationTime") == 0.0015);
  CHECK(rules[1].at("evaluationTime") == 0.00025);
  CHECK(groups[0].at("evaluationTime") == 0.002);
  CHECK(groups[0].at("lastEvaluation") == to_rfc3339(kThen));
  CHECK(rules[1].at("lastEvaluation") == to_rfc3339(kThen));
  p.view.rules_evaluated.reset();
  CHECK(p.data("rules").at("groups")[0].at("lastEvaluation") == "0001-01-01T00:00:00Z");
  CHECK(p.data("rules?type=record").at("groups")[0].at("rules").size() == 1);
  CHECK(p.data("rules?rule_group[]=other").at("groups").empty());
  const auto alerts = p.data("alerts").at("alerts");
  REQUIRE(alerts.size() == 1);
  CHECK(alerts[0].at("state") == "firing");
  CHECK(alerts[0].at("value").is_string());
  CHECK(p.data("status/buildinfo").at("version") == "2.42.0");
  const auto none = p.send("GET", "rules/test/test");
  CHECK(none.status == 404);
  CHECK_THAT(none.body, ContainsSubstring("page not found"));
}

TEST_CASE("a query whose time is over before it begins is not asked, and what cannot be read is said first") {
  Prometheus p;
  const auto late = failed("timeout", "query timed out in query queue");
  for (const auto* timeout : {"0", "0s", "-5"}) {
    INFO(timeout);
    const auto answer = p.send("GET", "query?query=up&timeout=" + std::string(timeout));
    CHECK(answer.status == 503);
    CHECK(json::parse(answer.body) == late);
    CHECK(p.get("query_range?query=up&start=0&end=1&step=1&timeout=" + std::string(timeout)) == late);
  }
  CHECK(p.view.expr.empty());
  p.view.failure = error_of(Errc::parse, "why");
  CHECK(p.get("query?query=up&timeout=0") == failed("bad_data", R"(invalid parameter "query": why)"));
  CHECK(p.get("query_range?query=up&start=0&end=1&step=1&timeout=0") == failed("bad_data", "why"));
}
