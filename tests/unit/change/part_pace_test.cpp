#include "agent/change/part_pace.hpp"

#include <random>

#include "tests/support/catch.hpp"
#include "tests/support/seeds.hpp"

using namespace pgtend;
using change::PartPace;

TEST_CASE("parts grow while they take little of their time and shrink before they take all of it") {
  PartPace pace(Millis(150), 3'000);
  CHECK(pace.rows() == 500);
  pace.moved(Millis(50));
  CHECK(pace.rows() == 1'000);
  pace.moved(Millis(51));
  CHECK(pace.rows() == 1'000);
  pace.moved(Millis(99));
  CHECK(pace.rows() == 1'000);
  pace.moved(Millis(100));
  CHECK(pace.rows() == 500);
  for (int i = 0; i < 9; ++i) pace.moved(Millis(0));
  CHECK(pace.rows() == 3'000);
  CHECK(pace.cut_off());
  CHECK(pace.rows() == 1'500);
}

TEST_CASE("when the smallest part is cut off three times in a row, smaller ones do not help") {
  PartPace pace(Millis(150), 100'000);
  int tries = 0;
  while (pace.cut_off()) ++tries;
  CHECK(pace.rows() == 16);
  CHECK(tries == 7);
  PartPace other(Millis(150), 100'000);
  for (int i = 0; i < 5; ++i) REQUIRE(other.cut_off());
  REQUIRE(other.rows() == 16);
  REQUIRE(other.cut_off());
  REQUIRE(other.cut_off());
  other.moved(Millis(90));
  CHECK(other.cut_off());
}

TEST_CASE("at any steady speed a pace ends at parts within its limit") {
  const auto seed = test::first_seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> micros(0.5, 500), fixed(0, 60);
  for (int run = 0; run < 200; ++run) {
    const double per_row = micros(random), base = fixed(random);
    CAPTURE(per_row, base);
    PartPace pace(Millis(150), 50'000);
    const auto time = [&] { return base + per_row * static_cast<double>(pace.rows()) / 1'000; };
    for (int part = 0; part < 40; ++part) {
      if (time() > 150)
        REQUIRE(pace.cut_off());
      else
        pace.moved(Millis(static_cast<std::int64_t>(time())));
    }
    CHECK(time() <= 150);
    CHECK(pace.rows() >= 16);
  }
}
