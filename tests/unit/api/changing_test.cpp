#include <nlohmann/json.hpp>

#include "agent/api/json.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/api/house.hpp"

using namespace pgtend;
using namespace pgtend::test;
using http::Right;
using nlohmann::json;

TEST_CASE("an approval names the plan's hash and is made in the caller's name") {
  House house;
  CHECK(house.ask("POST", "/v1/recommendations/r1/approve", R"({"plan_hash":"abc"})", Right::approver).status == 200);
  CHECK(house.view.told.back() == "approve recommendation r1 abc by token:approver");
  CHECK(house.ask("POST", "/v1/changes/c%2F1/approve", R"({"plan_hash":"abc"})", Right::approver).status == 200);
  CHECK(house.view.told.back() == "approve c/1 abc by token:approver");
  house.view.told.clear();
  for (const auto* body : {"", "{}", "[]", "nonsense", R"({"plan_hash":""})", R"({"plan_hash":5})",
                           R"({"plan_hash":"abc","force":true})", "{\"plan_hash\":\"abc\""}) {
    CAPTURE(body);
    CHECK(house.ask("POST", "/v1/changes/c1/approve", body).status == 400);
  }
  CHECK(house.view.told.empty());
}

TEST_CASE("an approval that policy refuses is a conflict with policy's reason, and a viewer has no say at all") {
  House house;
  Error error;
  error.code = Errc::refused;
  error.message = "policy does not let this be done, not even with an approval: action_class drop_index";
  house.view.failure = error;
  for (const auto* path : {"/v1/recommendations/r1/approve", "/v1/changes/c1/approve"}) {
    const auto refused = house.ask("POST", path, R"({"plan_hash":"abc"})", Right::approver);
    CHECK(refused.status == 409);
    const auto detail = json::parse(refused.body).at("error");
    CHECK(detail.at("code") == "refused");
    CHECK_THAT(detail.at("message").get<std::string>(), ContainsSubstring("action_class drop_index"));
    CHECK_THAT(detail.at("hint").get<std::string>(), ContainsSubstring("policy, the freeze switch"));
    CHECK(house.ask("POST", path, R"({"plan_hash":"abc"})", Right::viewer).status == 403);
  }
}

TEST_CASE("what a change waits for is in every answer about it") {
  House house;
  for (const auto& [method, path, body] :
       {std::tuple{"GET", "/v1/changes/c1", ""}, std::tuple{"POST", "/v1/changes/c1/approve", R"({"plan_hash":"abc"})"},
        std::tuple{"POST", "/v1/recommendations/r1/approve", R"({"plan_hash":"abc"})"},
        std::tuple{"POST", "/v1/changes/c1/undo", "{}"}}) {
    CAPTURE(path);
    CHECK(json::parse(house.ask(method, path, body).body).at("item").at("waits") == "frozen by ann");
  }
  CHECK(json::parse(house.ask("GET", "/v1/changes").body).at("items").at(0).at("waits") == "frozen by ann");
}

TEST_CASE("reject, undo and freeze pass on their reasons") {
  House house;
  CHECK(house.ask("POST", "/v1/changes/c1/reject", R"({"reason":"not now"})").status == 200);
  CHECK(house.view.told.back() == "reject c1 for not now by token:admin");
  CHECK(house.ask("POST", "/v1/changes/c1/undo").status == 200);
  CHECK(house.view.told.back() == "undo c1 by token:admin");
  const auto frozen = house.ask("POST", "/v1/freeze", R"({"frozen":true,"reason":"release"})");
  CHECK(house.view.told.back() == "freeze for release by token:admin");
  CHECK(json::parse(frozen.body).at("item").at("frozen") == true);
  CHECK(house.ask("POST", "/v1/freeze", R"({"frozen":"yes"})").status == 400);
  CHECK(house.ask("POST", "/v1/changes/c1/reject", R"({"reason":")" + std::string(2000, 'x') + "\"}").status == 400);
}

TEST_CASE("migrations are noted under the name of who asks, and only as migrations") {
  House house;
  const std::string entry = R"({"action":"migrate.up","subject":"app/V1","actor":"person:somebody"})";
  const auto body = [](const std::string& key, const std::string& one) {
    return R"({"key":")" + key + R"(","history":"[]","entries":[)" + one + "]}";
  };
  CHECK(house.ask("POST", "/v1/migrations", body("migrations/1/app", entry), Right::approver).status == 200);
  CHECK(house.view.told.back() == "migrate.up by token:approver");
  CHECK(house.ask("POST", "/v1/migrations", body("identity", entry)).status == 400);
  CHECK(
      house.ask("POST", "/v1/migrations", body("migrations/1/app", R"({"action":"freeze.on","subject":"x"})")).status ==
      400);
  CHECK(house.ask("GET", "/v1/migrations?key=migrations/1/app").status == 200);
  CHECK(house.view.told.back() == "migrations of migrations/1/app");
  CHECK(house.ask("GET", "/v1/migrations?key=identity").status == 400);
}

TEST_CASE("a person's plan enters as it was shown, and what is wrong with it is named") {
  House house;
  const auto plan = api::encode(sample_plan());
  const auto response = house.ask("POST", "/v1/changes", plan.dump(), Right::approver);
  CHECK(response.status == 201);
  CHECK(house.view.told.back() == "propose public.orders by token:approver");
  CHECK(response.headers.at(0).second == "/v1/changes/c1");
  auto bad = plan;
  bad["sql_upp"] = json::array();
  const auto refused = house.ask("POST", "/v1/changes", bad.dump());
  CHECK(refused.status == 400);
  CHECK_THAT(refused.body, ContainsSubstring("did you mean"));
}
