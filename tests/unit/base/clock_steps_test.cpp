#include "agent/base/clock_steps.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/fake_clock.hpp"

using namespace pgtend;

TEST_CASE("a clock that was set is told once, by how much, and drift is not") {
  test::FakeClock clock;
  ClockSteps steps(clock, Millis(2'000));
  clock.step(Millis(86'400'000));
  CHECK(steps.look() == Millis(0));  // nobody looked before
  clock.advance(Millis(15'000));
  CHECK(steps.look() == Millis(0));
  clock.step(Millis(2'000));
  CHECK(steps.look() == Millis(0));
  clock.step(Millis(3'600'000));
  clock.advance(Millis(15'000));
  CHECK(steps.look() == Millis(3'600'000));
  CHECK(steps.look() == Millis(0));
  clock.step(Millis(-2'001));
  CHECK(steps.look() == Millis(-2'001));
}
