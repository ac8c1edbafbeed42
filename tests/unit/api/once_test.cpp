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

// A new agent over the ledger of the one before.
struct Restarted : House {
  explicit Restarted(const House& before) {
    view.answers = before.view.answers;
    clock.advance(before.clock.now() - clock.now());
  }
};

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
  // The ledger forgets by itself.
  house.clock.advance(Millis(24LL * 3'600'000));
  house.view.answers.clear();
  CHECK(freeze(house, "k2", "audit").status == 200);
}

TEST_CASE("a thousand keys are remembered without a ledger, not more") {
  House house;
  for (int i = 0; i < 1'200; ++i) freeze(house, "k" + std::to_string(i), "audit");
  house.view.answers.clear();
  CHECK_FALSE(is_replayed(freeze(house, "k0", "audit")));
  CHECK(is_replayed(freeze(house, "k1199", "audit")));
}

TEST_CASE("a write repeated after a restart of the agent is answered as before and not done again") {
  House before;
  const auto first = freeze(before, "k1", "audit");
  Restarted after(before);
  const auto again = freeze(after, "k1", "audit");
  CHECK(again.status == first.status);
  CHECK(again.body == first.body);
  CHECK(is_replayed(again));
  CHECK(after.view.told.empty());
  CHECK(freeze(after, "k1", "another").status == 422);
  CHECK_FALSE(is_replayed(freeze(after, "k1", "audit", "token:bob")));
  // Neither the key nor what was asked is kept in the clear.
  for (const auto& [key, answer] : before.view.answers) {
    CHECK(key.find("k1") == std::string::npos);
    CHECK(answer.body_hash.find("audit") == std::string::npos);
  }
}

TEST_CASE("a write whose agent ended before it was answered is not done again, and the sender is told to look") {
  House before;
  REQUIRE(freeze(before, "k1", "audit").status == 200);
  for (auto& [key, answer] : before.view.answers) answer.status.reset();
  Restarted after(before);
  const auto again = freeze(after, "k1", "audit");
  CHECK(again.status == 409);
  CHECK_THAT(again.body, ContainsSubstring("its answer is not known"));
  CHECK_THAT(again.body, ContainsSubstring("pgtend audit list"));
  CHECK(after.view.told.empty());
}

TEST_CASE("a failure is forgotten in the ledger too, and without its ledger a write with a key is not begun") {
  House house;
  Error error;
  error.code = Errc::unavailable;
  error.message = "the disk is away";
  house.view.failure = error;
  CHECK(freeze(house, "k1", "audit").status == 503);
  CHECK(house.view.answers.empty());
  house.view.failure.reset();
  house.view.ledger_failure = error;
  house.view.told.clear();
  CHECK(freeze(house, "k1", "audit").status == 503);
  CHECK(house.view.told.empty());
  house.view.ledger_failure.reset();
  CHECK(freeze(house, "k1", "audit").status == 200);
}
