#include "agent/pg/gate.hpp"

#include "agent/pg/error.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fake_clock.hpp"

using namespace pgtend;
using pg::ConnectGate;

namespace {

// Attempts that a server answering `sqlstate` sees within `span`, when someone always waits to connect.
int attempts_within(const char* sqlstate, Millis span) {
  test::FakeClock clock;
  const auto end = clock.steady_now() + span;
  ConnectGate gate(clock, 11);
  int attempts = 0;
  while (clock.steady_now() < end) {
    if (const auto until = gate.closed_until()) {
      clock.advance(std::chrono::ceil<Millis>(*until - clock.steady_now()));
      continue;
    }
    gate.begin();
    ++attempts;
    gate.failed(pg::make_error(sqlstate, "no"));
    clock.advance(Millis(1));
  }
  return attempts;
}

}  // namespace

TEST_CASE("a wrong password is tried at most twice a minute") {
  REQUIRE(attempts_within("28P01", Millis(60'000)) <= 2);
  REQUIRE(attempts_within("28P01", Millis(600'000)) >= 9);
}

TEST_CASE("a full server is asked at most twenty times in a minute") {
  const int attempts = attempts_within("53300", Millis(60'000));
  REQUIRE(attempts <= 20);
  REQUIRE(attempts >= 10);
}

TEST_CASE("a server that is gone is asked again within five seconds in the first minute") {
  test::FakeClock clock;
  ConnectGate gate(clock, 5);
  for (int i = 0; i < 12; ++i) {
    gate.begin();
    gate.failed(pg::make_error("57P03", "starting"));
    if (const auto until = gate.closed_until()) {
      REQUIRE(*until - clock.steady_now() <= Millis(5'000));
      clock.advance(std::chrono::ceil<Millis>(*until - clock.steady_now()));
    }
    REQUIRE_FALSE(gate.closed_until());
  }
  REQUIRE(gate.breaker() != net::BreakerState::closed);
  gate.succeeded();
  REQUIRE(gate.breaker() == net::BreakerState::closed);
  REQUIRE_FALSE(gate.closed_until());
}

TEST_CASE("a full disk opens the breaker at the first failure") {
  test::FakeClock clock;
  ConnectGate gate(clock, 5);
  gate.begin();
  gate.failed(pg::make_error("53100", "disk full"));
  REQUIRE(gate.breaker() == net::BreakerState::open);
}

TEST_CASE("a refusal repeats the cause and says when the next attempt comes") {
  test::FakeClock clock;
  ConnectGate gate(clock, 5);
  gate.begin();
  gate.failed(pg::make_error("28P01", "password authentication failed"));
  clock.advance(Millis(18'000));
  const auto error = gate.refusal();
  REQUIRE(error.sqlstate == "28P01");
  REQUIRE(error.message == "password authentication failed; next attempt in 42s");
}
