#include <nlohmann/json.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/api/house.hpp"

using namespace pgtend;
using namespace pgtend::test;
using nlohmann::json;

TEST_CASE("active sessions are asked for by what tells them apart, and answered with shares and a timeline") {
  House house;
  auto item = json::parse(house.ask("GET", "/v1/ash").body)["item"];
  CHECK(house.view.question.range.to - house.view.question.range.from == Millis(900'000));
  CHECK(house.view.question.by == std::vector{store::SessionTrait::wait});
  CHECK(item["by"] == json::array({"wait"}));
  CHECK(item["average_sessions"] == 1.5);
  CHECK(item["sampled_seconds"] == 10);
  CHECK(item["rows"][0]["group"]["wait"] == "Lock:transactionid");
  CHECK(item["rows"][0]["share"] == 1);
  CHECK_FALSE(item["rows"][0].contains("timeline"));
  CHECK(item["warnings"][0] == "a right is missing");
  item = json::parse(house
                         .ask("GET",
                              "/v1/ash?from=2026-01-01T00:00:00Z&to=2026-01-01T00:10:00Z&by=query,%20blocker&step=5m"
                              "&limit=3")
                         .body)["item"];
  CHECK(house.view.question.limit == 3);
  CHECK(item["rows"][0]["group"] == json{{"query", "42"}, {"blocker", "pid 7"}});
  CHECK(item["rows"][0]["timeline"] == json::array({1.5, 0}));
  CHECK(item["sampled_steps_seconds"] == json::array({10, 0}));
  for (const auto* wrong : {"by=pid", "by=wait,", "limit=0", "limit=501", "step=0s", "step=x", "step=1s", "from=x",
                            "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "since=1h"}) {
    CAPTURE(wrong);
    CHECK(house.ask("GET", std::string("/v1/ash?") + wrong).status == 400);
  }
}

TEST_CASE("who blocks whom is told as trees, with what may be missing") {
  House house;
  const auto answer = json::parse(house.ask("GET", "/v1/blocking").body);
  REQUIRE(answer["items"].size() == 1);
  const auto& tree = answer["items"][0];
  CHECK(tree["root"]["pid"] == 10);
  CHECK(tree["root"]["state"] == "idle in transaction");
  CHECK(tree["victims"][0]["pid"] == 20);
  CHECK(tree["victims"][0]["blocked_by"] == 10);
  CHECK(tree["victims"][0]["relation"] == "public.t");
  CHECK(tree["victims"][0]["wait_seconds"] == 2.5);
  CHECK(answer["warnings"] == json::array({"a right is missing"}));
  CHECK(house.ask("GET", "/v1/blocking?depth=1").status == 400);
}

TEST_CASE("a table's bloat is told in bytes and as a part of it") {
  House house;
  const auto answer =
      json::parse(house.ask("POST", "/v1/bloat", R"({"table":"orders","database":"shop"})").body)["item"];
  CHECK(answer["database"] == "shop");
  CHECK(answer["table"] == "orders");
  CHECK(answer["dead_bytes"] == 100);
  CHECK(answer["free_bytes"] == 300);
  CHECK(answer["bloat_ratio"] == 0.4);
  CHECK(house.ask("POST", "/v1/bloat", "{}").status == 400);
  CHECK(house.ask("POST", "/v1/bloat", R"({"table":"orders","schema":"public"})").status == 400);
}
