#include <nlohmann/json.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/api/house.hpp"

using namespace pgtend;
using namespace pgtend::test;
using nlohmann::json;

namespace {

http::Response freeze(House& house, const std::string& key, const std::string& reason,
                      const std::string& who = "token:ann") {
  http::Request request;
  request.method = "POST";
  REQUIRE(http::split_target("/v1/freeze", request));
  request.headers["idempotency-key"] = key;
  request.body = json{{"frozen", true}, {"reason", reason}}.dump();
  request.identity = {who, http::Right::admin};
  net::asio::io_context context(1);
  http::Response response;
  auto task = [&]() -> net::Task<void> {
    auto answer = co_await house.router.respond(request);
    response = std::move(answer);
  };
  net::asio::co_spawn(context, task(), [](std::exception_ptr failure) { REQUIRE_FALSE(failure); });
  context.run();
  return response;
}

bool is_replayed(const http::Response& response) {
  for (const auto& [name, value] : response.headers)
    if (name == "Idempotent-Replayed") return value == "true";
  return false;
}

}  // namespace

TEST_CASE("a write repeated with its key is done once and answered as before") {
  House house;
  const auto first = freeze(house, "k1", "audit");
  CHECK(first.status == 200);
  CHECK_FALSE(is_replayed(first));
  const auto again = freeze(house, "k1", "audit");
  CHECK(again.status == 200);
  CHECK(again.body == first.body);
  CHECK(is_replayed(again));
  CHECK(house.view.told.size() == 1);
  CHECK(freeze(house, "k1", "another").status == 422);
  CHECK(house.view.told.size() == 1);
  // A key is its sender's, and another key another request.
  CHECK_FALSE(is_replayed(freeze(house, "k1", "audit", "token:bob")));
  CHECK_FALSE(is_replayed(freeze(house, "k2", "audit")));
  CHECK(house.view.told.size() == 3);
  for (const auto& wrong : {std::string(), std::string("a b"), std::string(201, 'k'), std::string("\xc3\xa9")})
    CHECK(freeze(house, wrong, "audit").status == 400);
}

TEST_CASE("a failure of the agent is not remembered, a refusal is, and both only for a day") {
  House house;
  Error error;
  error.code = Errc::unavailable;
  error.message = "stopping";
  house.view.failure = error;
  CHECK(freeze(house, "k1", "audit").status == 503);
  house.view.failure.reset();
  CHECK(freeze(house, "k1", "audit").status == 200);
  error.code = Errc::refused;
  house.view.failure = error;
  CHECK(freeze(house, "k2", "audit").status == 409);
  house.view.failure.reset();
  CHECK(freeze(house, "k2", "audit").status == 409);
  house.clock.advance(Millis(24LL * 3'600'000));
  CHECK(freeze(house, "k2", "audit").status == 200);
}

TEST_CASE("a thousand keys are remembered, not more") {
  House house;
  for (int i = 0; i < 1'200; ++i) freeze(house, "k" + std::to_string(i), "audit");
  CHECK_FALSE(is_replayed(freeze(house, "k0", "audit")));
  CHECK(is_replayed(freeze(house, "k1199", "audit")));
}
