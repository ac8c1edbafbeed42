#include "agent/base/log_repeats.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/fake_clock.hpp"

using namespace pgtend;

TEST_CASE("an equal line comes once a minute, with the number of those between") {
  test::FakeClock clock;
  log::Repeats repeats;
  CHECK(repeats.admit("a", clock.steady_now()) == 0U);
  CHECK(repeats.admit("b", clock.steady_now()) == 0U);
  for (int second = 1; second < 60; ++second) {
    clock.advance(Millis(1'000));
    CHECK_FALSE(repeats.admit("a", clock.steady_now()));
  }
  clock.advance(Millis(1'000));
  CHECK(repeats.admit("a", clock.steady_now()) == 59U);
  CHECK_FALSE(repeats.admit("a", clock.steady_now()));
  CHECK(repeats.admit("b", clock.steady_now()) == 0U);
}

TEST_CASE("ever new lines all come and are forgotten again") {
  const test::FakeClock clock;
  log::Repeats repeats;
  for (int i = 0; i < 10'000; ++i) CHECK(repeats.admit("line " + std::to_string(i), clock.steady_now()) == 0U);
  CHECK(repeats.admit("line 0", clock.steady_now()) == 0U);
}
