#include "agent/change/verify/hard_trip.hpp"

#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::change;

namespace {

Vitals healthy() {
  return {0.5, 0.4, 2, 10'000, 100};
}

std::string trip(Vitals now, Vitals before = healthy()) {
  return hard_trip(before, now, VerifyOptions());
}

}  // namespace

TEST_CASE("trouble that came after a change is named with its numbers") {
  auto now = healthy();
  CHECK(trip(now).empty());
  now.replica_lag_seconds = 121;
  CHECK_THAT(trip(now), ContainsSubstring("a standby is 2m1s behind"));
  now = healthy();
  now.disk_free = 0.029;
  CHECK(trip(now) == "2.9 % of the disk is free, and 40 % was before");
  now = healthy();
  now.lock_waiters = 21;
  CHECK(trip(now) == "21 sessions wait for locks, and 2 did before");
  now = healthy();
  now.commits = *now.commits + 700;
  now.rollbacks = *now.rollbacks + 300;
  CHECK_THAT(trip(now), ContainsSubstring("30 % of 1000 transactions since the change were rolled back"));
}

TEST_CASE("what was so before, is unknown or too little trips nothing") {
  auto before = healthy(), now = healthy();
  before.lock_waiters = 25;
  now.lock_waiters = 40;
  CHECK(trip(now, before).empty());
  now.lock_waiters.reset();
  CHECK(trip(now).empty());
  now = healthy();
  now.lock_waiters = 40;
  CHECK(trip(now, Vitals()).empty());
  CHECK(trip(Vitals()).empty());
  now = healthy();
  now.rollbacks = *now.rollbacks + 100;  // all of them, but a hundred only
  CHECK(trip(now).empty());
  now = healthy();
  now.commits = *now.commits + 900;
  now.rollbacks = *now.rollbacks + 150;
  CHECK(trip(now).empty());
  now.commits = 500;  // reset
  now.rollbacks = 400;
  CHECK(trip(now).empty());
}

TEST_CASE("vitals are kept as numbers, and what is missing stays unknown") {
  auto some = healthy();
  some.disk_free.reset();
  const auto read = parse_vitals(vitals_text(some));
  CHECK(read.lock_waiters == some.lock_waiters);
  CHECK(read.commits == some.commits);
  CHECK_FALSE(read.disk_free);
  CHECK_FALSE(parse_vitals("nonsense").lock_waiters);
  CHECK_FALSE(parse_vitals("{}").replica_lag_seconds);
}
