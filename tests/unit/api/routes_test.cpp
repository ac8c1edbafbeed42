#include <nlohmann/json.hpp>
#include <set>

#include "agent/api/json.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/api/house.hpp"

using namespace pgtend;
using namespace pgtend::test;
using http::Right;
using nlohmann::json;

namespace {

// With the expression that some routes need.
std::string asked(const std::string& target) {
  if (target == "/v1/migrations") return target + "?key=migrations/1/app";
  const bool takes_one = target.find("/v1/query") != std::string::npos || target == "/v1/rules/explain";
  return target + (takes_one ? "?expr=up" : "");
}

std::string concrete(std::string pattern) {
  if (const auto at = pattern.find("{id}"); at != std::string::npos) pattern.replace(at, 4, "r1");
  return pattern;
}

// The rights as the product promises them; a new route must be entered here.
const std::map<std::string, Right> kPromised{
    {"GET /live", Right::none},
    {"GET /ready", Right::none},
    {"GET /metrics", Right::viewer},
    {"GET /v1/status", Right::viewer},
    {"GET /v1/findings", Right::viewer},
    {"GET /v1/recommendations", Right::viewer},
    {"GET /v1/recommendations/{id}", Right::viewer},
    {"GET /v1/changes", Right::viewer},
    {"GET /v1/changes/{id}", Right::viewer},
    {"GET /v1/changes/{id}/progress", Right::viewer},
    {"GET /v1/ash", Right::viewer},
    {"GET /v1/blocking", Right::viewer},
    {"POST /v1/bloat", Right::approver},
    {"GET /v1/alerts", Right::viewer},
    {"GET /v1/alerts/{id}", Right::viewer},
    {"POST /v1/alerts/{id}/ack", Right::approver},
    {"GET /v1/silences", Right::viewer},
    {"POST /v1/silences", Right::approver},
    {"POST /v1/silences/{id}/end", Right::approver},
    {"GET /v1/notifications", Right::viewer},
    {"POST /v1/receivers/{name}/test", Right::admin},
    {"GET /v1/audit", Right::viewer},
    {"GET /v1/audit/verify", Right::viewer},
    {"GET /v1/db/stats", Right::viewer},
    {"POST /v1/db/check", Right::approver},
    {"POST /v1/db/backup", Right::admin},
    {"GET /v1/query", Right::viewer},
    {"GET /v1/query_range", Right::viewer},
    {"GET /v1/series", Right::viewer},
    {"POST /v1/rules/lint", Right::viewer},
    {"POST /v1/rules/backtest", Right::viewer},
    {"GET /v1/rules/explain", Right::viewer},
    {"GET /v1/policy", Right::viewer},
    {"GET /v1/changes/{id}/proof", Right::viewer},
    {"POST /v1/policy/simulate", Right::viewer},
    {"POST /v1/policy/backtest", Right::viewer},
    {"GET /api/v1/query", Right::viewer},
    {"POST /api/v1/query", Right::viewer},
    {"GET /api/v1/query_range", Right::viewer},
    {"POST /api/v1/query_range", Right::viewer},
    {"GET /api/v1/format_query", Right::viewer},
    {"POST /api/v1/format_query", Right::viewer},
    {"GET /api/v1/query_exemplars", Right::viewer},
    {"POST /api/v1/query_exemplars", Right::viewer},
    {"GET /api/v1/series", Right::viewer},
    {"POST /api/v1/series", Right::viewer},
    {"GET /api/v1/labels", Right::viewer},
    {"POST /api/v1/labels", Right::viewer},
    {"GET /api/v1/label/{name}/values", Right::viewer},
    {"POST /api/v1/label/{name}/values", Right::viewer},
    {"GET /api/v1/metadata", Right::viewer},
    {"POST /api/v1/metadata", Right::viewer},
    {"GET /api/v1/rules", Right::viewer},
    {"POST /api/v1/rules", Right::viewer},
    {"GET /api/v1/alerts", Right::viewer},
    {"POST /api/v1/alerts", Right::viewer},
    {"GET /api/v1/status/buildinfo", Right::viewer},
    {"POST /api/v1/status/buildinfo", Right::viewer},
    {"GET /api/v1/rules/{namespace}/{group}", Right::viewer},
    {"GET /v1/export", Right::viewer},
    {"POST /v1/recommendations/{id}/approve", Right::approver},
    {"POST /v1/changes", Right::approver},
    {"POST /v1/changes/{id}/approve", Right::approver},
    {"POST /v1/changes/{id}/reject", Right::approver},
    {"POST /v1/changes/{id}/undo", Right::approver},
    {"POST /v1/freeze", Right::admin},
    {"GET /v1/migrations", Right::viewer},
    {"POST /v1/migrations", Right::approver},
};

}  // namespace

TEST_CASE("every route needs exactly the right that is promised, for every right that a caller may have") {
  House house;
  std::set<std::string> met;
  for (const auto& route : house.router.routes()) {
    const auto name = route.method + " " + route.pattern;
    CAPTURE(name);
    met.insert(name);
    REQUIRE(kPromised.contains(name));
    for (const auto right : {Right::none, Right::viewer, Right::approver, Right::admin}) {
      CAPTURE(to_string(right));
      house.view.told.clear();
      const auto status = house.ask(route.method, concrete(route.pattern), "{}", right).status;
      if (right >= kPromised.at(name)) {
        CHECK(status != 401);
        CHECK(status != 403);
        CHECK(status < 500);
      } else {
        CHECK(status == (right == Right::none ? 401 : 403));
        CHECK(house.view.told.empty());
      }
    }
    const auto wrong = house.ask("DELETE", concrete(route.pattern));
    CHECK(wrong.status == 405);
  }
  CHECK(met.size() == kPromised.size());
}

TEST_CASE("every reading route answers its item or items in the envelope") {
  House house;
  for (const auto& route : house.router.routes()) {
    // An export is text of its own, for other programs, and so is a proof, whose spelling is hashed.
    const bool is_file = route.pattern == "/v1/export" || route.pattern == "/v1/changes/{id}/proof";
    if (route.method != "GET" || !route.pattern.starts_with("/v1/") || is_file) continue;
    CAPTURE(route.pattern);
    const auto response = house.ask("GET", asked(concrete(route.pattern)), {}, Right::viewer);
    CHECK(response.status == 200);
    CHECK(response.content_type == "application/json");
    const auto body = json::parse(response.body);
    CHECK(body.at("schema") == "pgtend/v1");
    CHECK(body.at("generated_at") == "2023-11-14T22:13:20Z");
    CHECK((body.contains("item") != body.contains("items")));
    if (body.contains("items")) CHECK(body.at("items").size() == 1);
  }
}

TEST_CASE("alerts are acknowledged and silenced in the name of a person, and nonsense is refused") {
  House house;
  const auto ack = house.ask("POST", "/v1/alerts/a1/ack", R"({"comment":"on it","by":"ann"})", Right::approver);
  CHECK(ack.status == 201);
  CHECK(json::parse(ack.body).at("item").at("until_resolved") == true);
  CHECK(house.ask("POST", "/v1/silences", R"({"matchers":"severity=\"info\"","for":"1h","by":"bob"})", Right::approver)
            .status == 201);
  REQUIRE(house.view.told.size() == 2);
  CHECK_THAT(house.view.told[0], ContainsSubstring("acknowledge a1 for on it by ann ("));
  CHECK_THAT(house.view.told[1], ContainsSubstring("severity=\"info\"") && ContainsSubstring("by bob ("));
  for (const auto* body : {"[]", R"({"matchers":7})", R"({"matchers":"severity"})", R"({"for":"soon"})", R"({"x":1})"})
    CHECK(house.ask("POST", "/v1/silences", body).status == 400);
  CHECK(house.view.told.size() == 2);
}

TEST_CASE("an export is text page by page, and says where the next page begins") {
  House house;
  SeriesData data;
  data.key = {"pg_up", {}};
  data.samples = {{from_ms(1'000), 1}};
  house.view.page.series = {data};
  house.view.page.next = api::PageCursor{data.key, from_ms(2'000), false};
  const auto first = house.ask("GET", "/v1/export?match=pg_up&from_ms=1000&to_ms=9000", {}, Right::viewer);
  CHECK(first.status == 200);
  CHECK(first.content_type == "application/openmetrics-text; version=1.0.0; charset=utf-8");
  CHECK(first.body == "# TYPE pg_up unknown\npg_up 1 1\n");
  CHECK(house.view.selectors == std::vector<std::string>{"pg_up"});
  CHECK(to_ms(house.view.range.from) == 1'000);
  CHECK(to_ms(house.view.range.to) == 9'000);
  CHECK_FALSE(house.view.page_cursor);
  REQUIRE(first.headers.size() == 1);
  CHECK(first.headers[0].first == "X-Pgtend-Next");

  house.view.page.next.reset();
  house.view.page.starts_new_metric = false;
  const auto last = house.ask("GET", "/v1/export?format=csv&after=" + http::percent_encode(first.headers[0].second));
  REQUIRE(house.view.page_cursor);
  CHECK(to_ms(house.view.page_cursor->from) == 2'000);
  CHECK(last.headers.empty());
  CHECK(last.body == "pg_up,{},1970-01-01T00:00:01Z,1\n");
  for (const auto* wrong : {"format=xml", "from_ms=9&to_ms=1", "from_ms=x", "after=nonsense"})
    CHECK(house.ask("GET", std::string("/v1/export?") + wrong).status == 400);
}

TEST_CASE("an error of the agent becomes its status, its code and a hint, on every route that asks the agent") {
  House house;
  Error error;
  error.code = Errc::unavailable;
  error.message = "the ledger is not open yet";
  house.view.failure = error;
  for (const auto& route : house.router.routes()) {
    if (route.method != "GET" || route.pattern == "/live" || route.pattern == "/metrics") continue;
    if (route.pattern.starts_with("/api/")) continue;  // Prometheus's shape: prometheus_test.cpp
    CAPTURE(route.pattern);
    const auto response = house.ask("GET", asked(concrete(route.pattern)));
    CHECK(response.status == 503);
    CHECK(json::parse(response.body).at("error").at("code") == "unavailable");
  }
  CHECK(house.ask("GET", "/live").status == 200);
  house.view.failure->code = Errc::conflict;
  CHECK(house.ask("POST", "/v1/changes/c1/approve", R"({"plan_hash":"abc"})").status == 409);
  // A disk may get room; what asks for too much stays too much.
  const auto hint = [&](bool retryable) {
    house.view.failure->code = Errc::resource_exhausted;
    house.view.failure->retryable = retryable;
    return json::parse(house.ask("GET", "/v1/changes").body).at("error").at("hint").get<std::string>();
  };
  CHECK_THAT(hint(true), ContainsSubstring("make room"));
  CHECK_THAT(hint(false), ContainsSubstring("ask for less"));
  house.view.failure.reset();
  CHECK(house.ask("GET", "/v1/recommendations/unknown").status == 404);
}

TEST_CASE("the list of recommendations says what was weighed and refused, and where nothing was looked at") {
  House house;
  const auto answer = json::parse(house.ask("GET", "/v1/recommendations").body);
  CHECK(answer.at("items").size() == 1);
  const auto& looks = answer.at("looks");
  REQUIRE(looks.size() == 2);
  CHECK(looks[0].at("database") == "shop");
  CHECK(looks[0].at("refused")[0].at("why") == "saves too little");
  CHECK(looks[1].at("error") == "no rights");
}

TEST_CASE("queries take times in both spellings and refuse what cannot be answered") {
  House house;
  CHECK(house.ask("GET", "/v1/query?expr=up&at=2023-11-14T22:00:00Z").status == 200);
  CHECK(house.view.expr == "up");
  CHECK(to_ms(house.view.range.from) == 1'699'999'200'000);
  CHECK(house.ask("GET", "/v1/query_range?expr=rate(x%5B5m%5D)&from=1699996400.5&to=1700000000&step=30s").status ==
        200);
  CHECK(house.view.expr == "rate(x[5m])");
  CHECK(to_ms(house.view.range.from) == 1'699'996'400'500);
  CHECK(house.view.step == Millis(30'000));
  CHECK(house.ask("GET", "/v1/query_range?expr=up").status == 200);
  CHECK(house.view.step == Millis(14'400));
  for (const auto* query :
       {"query", "query?expr=", "query?expr=up&at=yesterday", "query?expr=up&at=-1", "query?expr=up&at=1e300",
        "query?expr=up&at=nan", "query_range?expr=up&step=0", "query_range?expr=up&step=-5s",
        "query_range?expr=up&step=0.0001", "query_range?expr=up&from=0&to=1700000000&step=1s",
        "query_range?expr=up&from=10&to=5", "series?from=x"}) {
    CAPTURE(query);
    CHECK(house.ask("GET", std::string("/v1/") + query).status == 400);
  }
  CHECK(house.ask("GET", "/v1/series?match[]=up&match[]=down").status == 200);
  CHECK(house.view.selectors == std::vector<std::string>{"up", "down"});
}

TEST_CASE("limits of lists are bounded") {
  House house;
  CHECK(house.ask("GET", "/v1/changes?open=true&limit=5").status == 200);
  CHECK(house.view.told.back() == "changes 1 5");
  CHECK(house.ask("GET", "/v1/audit?from=12").status == 200);
  CHECK(house.view.told.back() == "audit 12 100");
  for (const auto* query : {"changes?limit=0", "changes?limit=1000000", "changes?limit=x", "changes?open=maybe",
                            "audit?from=-1", "audit?limit="})
    CHECK(house.ask("GET", std::string("/v1/") + query).status == 400);
}

TEST_CASE("a query parameter that means nothing is refused with what is valid, on every reading route") {
  House house;
  const auto error_of = [&](const std::string& target) {
    const auto response = house.ask("GET", target);
    INFO(target << " " << response.body);
    CHECK(response.status == 400);
    const auto error = json::parse(response.body).at("error");
    return error.at("message").get<std::string>() + "; " + error.value("hint", "");
  };
  for (const auto& route : house.router.routes()) {
    if (route.method != "GET" || !route.pattern.starts_with("/v1/")) continue;
    const auto target = asked(concrete(route.pattern));
    CHECK(error_of(target + (target.find('?') == std::string::npos ? "?" : "&") + "colour=red")
              .starts_with("unknown query parameter 'colour'; "));
  }
  CHECK(error_of("/v1/findings?severity=bogus") == "severity must be one of info, warning, critical, not 'bogus'; ");
  CHECK(error_of("/v1/alerts?state=fireing") == "state must be one of pending, firing, resolved, not 'fireing'; ");
  CHECK(error_of("/v1/notifications?state=lost") ==
        "state must be one of queued, sent, dead, superseded, not 'lost'; ");
  CHECK(error_of("/v1/changes?open=maybe") == "open must be one of true, false, not 'maybe'; ");
  CHECK(error_of("/v1/changes?limt=5") == "unknown query parameter 'limt'; did you mean 'limit'?");
  CHECK(error_of("/v1/status?x=1") == "unknown query parameter 'x'; this address takes none");
  CHECK(error_of("/v1/audit?until=1") == "unknown query parameter 'until'; known: from, limit");
}

TEST_CASE("findings are told by severity and alerts by state") {
  House house;
  const auto count = [&](const std::string& target) {
    return json::parse(house.ask("GET", target).body).at("items").size();
  };
  std::size_t findings = 0, alerts = 0;
  for (const auto* severity : {"info", "warning", "critical"})
    findings += count(std::string("/v1/findings?severity=") + severity);
  for (const auto* state : {"pending", "firing", "resolved"}) alerts += count(std::string("/v1/alerts?state=") + state);
  CHECK(findings == 1);
  CHECK(alerts == 1);
}

TEST_CASE("health and metrics have their own types") {
  House house;
  CHECK(json::parse(house.ask("GET", "/ready", {}, Right::none).body).at("state") == "degraded");
  const auto metrics = house.ask("GET", "/metrics", {}, Right::viewer);
  CHECK_THAT(metrics.content_type, ContainsSubstring("text/plain; version=0.0.4"));
  CHECK_THAT(metrics.body, ContainsSubstring("pgtend_build_info{version=\"0.1.0\"} 1"));
}

TEST_CASE("reviews of rules take files as JSON, and say what is wrong with a request") {
  House house;
  const auto lint = house.ask("POST", "/v1/rules/lint",
                              R"({"files":[{"file":"a.yaml","text":"groups: []"}],"since":"30d"})", Right::viewer);
  CHECK(lint.status == 200);
  CHECK(house.view.told_of_rules == "1 files since 2592000000");
  CHECK(json::parse(lint.body).at("items")[0].at("check") == "gauge-in-rate");
  CHECK(house.ask("POST", "/v1/rules/lint").status == 200);
  CHECK(house.view.told_of_rules == "0 files since 604800000");
  const auto back = house.ask("POST", "/v1/rules/backtest",
                              R"({"files":[{"file":"a","text":""}],"against":[{"file":"b","text":""}],"since":"1d",)"
                              R"("step":"30s","rule":"R","sweep":false})");
  CHECK(back.status == 200);
  CHECK(house.view.told_of_rules == "1 1 R 86400000 30000");
  CHECK(json::parse(back.body).at("item").at("rules")[0].at("rule") == "R");
  CHECK(json::parse(back.body).at("item").at("next") == 7);
  const auto rest = house.ask("POST", "/v1/rules/backtest", R"({"since":"1d","first":7})");
  CHECK(house.view.told_of_rules == "0 0  86400000 0 sweep from 7");
  CHECK(json::parse(rest.body).at("item").at("next").is_null());
  CHECK(house.ask("GET", "/v1/rules/explain?rule=PgDown").status == 200);
  CHECK(house.view.told_of_rules == "PgDown|");
  for (const auto* body :
       {"[]", R"({"since":"0s"})", R"({"since":7})", R"({"since":"20y"})", R"({"files":"x"})",
        R"({"files":[{"file":"x"}]})", R"({"step":"-1s"})", R"({"rule":1})", R"({"sweep":"no"})", R"({"first":-1})"}) {
    CAPTURE(body);
    CHECK(house.ask("POST", "/v1/rules/backtest", body).status == 400);
  }
  CHECK(house.ask("GET", "/v1/rules/explain").status == 400);
  CHECK(house.ask("GET", "/v1/rules/explain?rule=a&expr=b").status == 400);
}

TEST_CASE("the history file tells what it keeps, whether it is sound, and is copied to an absolute path only") {
  House house;
  auto item = json::parse(house.ask("GET", "/v1/db/stats").body)["item"];
  CHECK(item["samples"] == 42);
  CHECK(item["version"] == 2);
  CHECK(item["tiers"][0]["name"] == "raw");
  CHECK(item["tiers"][0]["retention_seconds"] == 604'800);
  item = json::parse(house.ask("POST", "/v1/db/check").body)["item"];
  CHECK(item["sound"] == false);
  CHECK(item["bad_blocks"] == 1);
  for (const auto* body : {"", "{}", R"({"to":""})", R"({"to":"copy.db"})", R"({"to":"/a","more":1})", R"({"to":7})"})
    CHECK(house.ask("POST", "/v1/db/backup", body).status == 400);
  CHECK(house.view.told.empty());
  CHECK(house.ask("POST", "/v1/db/backup", R"({"to":"/var/backups/history.db"})").status == 200);
  CHECK(house.view.told == std::vector<std::string>{"backup to /var/backups/history.db"});
}
