#include <nlohmann/json.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/api/house.hpp"

using namespace pgtend;
using namespace pgtend::test;
using nlohmann::json;

TEST_CASE("the policy is shown with its rules, windows, budgets and records") {
  House house;
  const auto item = json::parse(house.ask("GET", "/v1/policy").body).at("item");
  CHECK(item.at("trust") == json({{"verdicts", 10}, {"precision", 0.8}}));
  const auto& rule = item.at("rules").at(0);
  CHECK(rule.at("name") == "nightly");
  CHECK(rule.at("mode") == "auto");
  CHECK(rule.at("budget").at("budget").at("wal_bytes") == 1 << 30);
  CHECK(rule.at("budget").at("budget").at("bytes").is_null());
  CHECK(rule.at("budget").at("budget").at("replica_lag_seconds") == 5);
  CHECK(rule.at("budget").at("spent").at("seconds") == 12.5);
  CHECK(rule.at("budget").at("next") == to_rfc3339(kThen));
  const auto& window = item.at("windows").at(0);
  CHECK(window.at("days") == json({"mon", "sun"}));
  CHECK(window.at("start") == "02:30");
  CHECK(window.at("open") == false);
  CHECK(item.at("classes").at(0).at("record").at("median_error") == 0.25);
  CHECK(item.at("classes").at(0).at("budget").is_null());
}

TEST_CASE("policy is asked about one change: by id, by plan, or by class and object") {
  House house;
  const auto ask = [&](const json& body) { return house.ask("POST", "/v1/policy/simulate", body.dump()); };
  auto answer = ask({{"id", "r1"}});
  CHECK(answer.status == 200);
  CHECK(house.view.told.back() == "simulate r1");
  const auto item = json::parse(answer.body).at("item");
  CHECK(item.at("decision").at("limit") == "window night");
  CHECK(item.at("could_run_at") == to_rfc3339(kThen));
  CHECK(item.at("limits").at(0) ==
        json({{"limit", "window night"}, {"holds", false}, {"reason", "closed"}, {"until", to_rfc3339(kThen)}}));
  answer = ask({{"action", "vacuum"},
                {"object", "public.a"},
                {"database", "shop"},
                {"bytes", 5},
                {"seconds", 2.5},
                {"risk", "high"}});
  CHECK(house.view.told.back() == "simulate vacuum of public.a in shop, 5 bytes, high");
  answer = ask({{"id", "r1"}, {"policy", {{"file", "p.yaml"}, {"text", "policy: {}"}}}});
  CHECK(house.view.told.back() == "simulate r1 by p.yaml");
  house.view.told.clear();
  for (const json& wrong :
       {json::object(), json{{"id", "r1"}, {"action", "vacuum"}}, json{{"action", "vacuums"}, {"object", "a"}},
        json{{"action", "vacuum"}}, json{{"action", "vacuum"}, {"object", "a"}, {"bytes", -1}},
        json{{"action", "vacuum"}, {"object", "a"}, {"seconds", "long"}}, json{{"id", 5}}, json{{"plan", {{"a", 1}}}},
        json{{"id", "r1"}, {"risk", "none"}}, json{{"id", "r1"}, {"policy", "p.yaml"}}, json{{"id", "r1"}, {"x", 1}}}) {
    CAPTURE(wrong.dump());
    CHECK(ask(wrong).status == 400);
  }
  CHECK(house.view.told.empty());
}

TEST_CASE("a policy is replayed over a time, and its file's errors are the answer") {
  House house;
  const auto answer =
      house.ask("POST", "/v1/policy/backtest", R"({"since":"7d","policy":{"file":"p.yaml","text":"policy: {}"}})");
  CHECK(answer.status == 200);
  CHECK(house.view.told.back() == "backtest p.yaml over 1w");
  const auto item = json::parse(answer.body).at("item");
  CHECK(item.at("undone") == 1);
  CHECK(item.at("rows").at(0).at("ran_at") == to_rfc3339(kThen));
  CHECK(item.at("rows").at(0).at("verdict") == "regressed");
  CHECK(item.at("rows").at(0).at("cost_measured") == false);
  CHECK(item.at("classes").at(0).at("waited") == 2);
  CHECK(house.ask("POST", "/v1/policy/backtest").status == 200);
  CHECK(house.view.told.back() == "backtest  over 30d");
  CHECK(house.ask("POST", "/v1/policy/backtest", R"({"since":"-1d"})").status == 400);
}

TEST_CASE("a proof is answered byte for byte, because its spelling is what was hashed") {
  House house;
  const auto answer = house.ask("GET", "/v1/changes/c1/proof");
  CHECK(answer.status == 200);
  CHECK(answer.body == "{ \"proof\" : \"c1\" }\n");
}
