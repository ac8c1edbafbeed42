#include "agent/net/backoff.hpp"

#include <algorithm>
#include <set>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/fake_clock.hpp"

using namespace pgtend;
using net::Backoff;
using net::BackoffLimits;

TEST_CASE("each step is drawn below a ceiling that doubles up to the cap") {
  test::FakeClock clock;
  Backoff backoff(BackoffLimits{}, clock, 1);
  for (const int expected : {100, 200, 400, 800, 1600, 3200, 5000, 5000}) {
    REQUIRE(backoff.ceiling() == Millis(expected));
    REQUIRE(backoff.next() <= Millis(expected));
  }
}

TEST_CASE("a failure older than a minute is retried calmly, and a success starts over") {
  test::FakeClock clock;
  Backoff backoff(BackoffLimits{}, clock, 2);
  for (int i = 0; i < 12; ++i) (void)backoff.next();
  REQUIRE(backoff.ceiling() == Millis(5'000));
  clock.advance(Millis(60'000));
  REQUIRE(backoff.ceiling() == Millis(30'000));
  backoff.reset();
  REQUIRE(backoff.failures() == 0);
  REQUIRE(backoff.ceiling() == Millis(100));
}

TEST_CASE("hundreds of failures never overflow the step") {
  test::FakeClock clock;
  Backoff backoff(BackoffLimits{}, clock, 3);
  for (int i = 0; i < 500; ++i) {
    const auto step = backoff.next();
    REQUIRE(step >= Millis(0));
    REQUIRE(step <= Millis(5'000));
  }
}

TEST_CASE("agents with different seeds spread over the whole step") {
  // 800 agents at the 5 s step over ten 500 ms slots: chi-square with 9 degrees of freedom below its 99 % point, 21.67.
  test::FakeClock clock;
  std::vector<int> slots(10, 0);
  for (std::uint64_t seed = 0; seed < 800; ++seed) {
    Backoff backoff(BackoffLimits{}, clock, seed);
    for (int i = 0; i < 7; ++i) (void)backoff.next();
    ++slots[static_cast<std::size_t>(std::min<std::int64_t>(9, backoff.next().count() / 500))];
  }
  double chi_square = 0;
  for (const int count : slots) chi_square += (count - 80.0) * (count - 80.0) / 80.0;
  REQUIRE(chi_square < 21.67);
}

TEST_CASE("the same seed gives the same steps") {
  test::FakeClock clock;
  Backoff one(BackoffLimits{}, clock, 7), two(BackoffLimits{}, clock, 7);
  for (int i = 0; i < 20; ++i) REQUIRE(one.next() == two.next());
}
