#include "agent/net/breaker.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/fake_clock.hpp"

using namespace pgtend;
using net::Breaker;
using net::BreakerLimits;
using net::BreakerState;

namespace {
void fail_times(Breaker& breaker, int count, Millis retry_after = Millis(1'000)) {
  for (int i = 0; i < count; ++i) breaker.failure(retry_after);
}
}  // namespace

TEST_CASE("five failures within the window open the breaker") {
  test::FakeClock clock;
  Breaker breaker(BreakerLimits{}, clock);
  fail_times(breaker, 4);
  REQUIRE(breaker.state() == BreakerState::closed);
  REQUIRE(breaker.try_pass());
  fail_times(breaker, 1);
  REQUIRE(breaker.state() == BreakerState::open);
  REQUIRE_FALSE(breaker.try_pass());
}

TEST_CASE("failures spread wider than the window leave it closed") {
  test::FakeClock clock;
  Breaker breaker(BreakerLimits{}, clock);
  for (int i = 0; i < 20; ++i) {
    breaker.failure(Millis(1'000));
    clock.advance(Millis(8'000));
  }
  REQUIRE(breaker.state() == BreakerState::closed);
}

TEST_CASE("a half-open breaker lets one trial through at a time") {
  test::FakeClock clock;
  Breaker breaker(BreakerLimits{}, clock);
  fail_times(breaker, 5, Millis(2'000));
  clock.advance(Millis(2'000));
  REQUIRE(breaker.state() == BreakerState::half_open);
  REQUIRE(breaker.try_pass());
  REQUIRE_FALSE(breaker.try_pass());
  breaker.failure(Millis(4'000));
  REQUIRE(breaker.state() == BreakerState::open);
  clock.advance(Millis(3'999));
  REQUIRE_FALSE(breaker.try_pass());
  clock.advance(Millis(1));
  REQUIRE(breaker.try_pass());
  breaker.success();
  REQUIRE(breaker.state() == BreakerState::closed);
  REQUIRE(breaker.try_pass());
  REQUIRE(breaker.try_pass());
}

TEST_CASE("a single failed trial reopens it even long after the window") {
  test::FakeClock clock;
  Breaker breaker(BreakerLimits{}, clock);
  fail_times(breaker, 5, Millis(60'000));
  clock.advance(Millis(60'000));
  REQUIRE(breaker.try_pass());
  breaker.failure(Millis(60'000));
  REQUIRE(breaker.state() == BreakerState::open);
}

TEST_CASE("a trip opens it at once") {
  test::FakeClock clock;
  Breaker breaker(BreakerLimits{}, clock);
  breaker.trip(Millis(500));
  REQUIRE_FALSE(breaker.try_pass());
}
