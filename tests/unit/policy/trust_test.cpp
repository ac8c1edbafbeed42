#include "agent/policy/trust.hpp"

#include <cmath>

#include "tests/support/catch.hpp"
#include "tests/unit/policy/proposals.hpp"

using namespace pgtend;
using namespace pgtend::test;
using policy::wilson_lower_bound;

namespace {

const UtcTime kNoon = at("2026-03-04T12:00:00Z");

Decision decide_with(ActionClass action, int right, int verdicts, PolicyTrust trust = {}) {
  auto config = policy_of(action, PolicyMode::automatic);
  config.trust = trust;
  PolicyPast past;
  past.records[action] = {verdicts, right, 0, std::nullopt};
  return policy::decide(proposal(action), Risk::low, config, past, kNoon);
}

}  // namespace

TEST_CASE("Wilson's lower bound solves its own equation and rises with what was right and with how much was seen") {
  // The bound is the p for which right/all lies exactly the quantile of 0.9 above it.
  for (const int all : {1, 5, 10, 37, 400})
    for (const int right : {0, all / 2, all - 1, all}) {
      CAPTURE(right, all);
      const double p = wilson_lower_bound(right, all), seen = static_cast<double>(right) / all;
      REQUIRE(p >= 0);
      REQUIRE(p <= seen + 1e-12);
      if (right == 0) continue;
      CHECK((seen - p) / std::sqrt(p * (1 - p) / all) == Approx(1.2815515655446004).epsilon(1e-6));
      CHECK(wilson_lower_bound(right * 10, all * 10) > p);
      CHECK(wilson_lower_bound(right - 1, all) < p);
    }
  CHECK(wilson_lower_bound(0, 0) == 0);
}

TEST_CASE("auto counts for an index class only after ten verdicts of which at least eight tenths were right") {
  CHECK(decide_with(ActionClass::create_index, 9, 9).limit == "track record");
  CHECK(decide_with(ActionClass::create_index, 9, 9).kind == DecisionKind::needs_approval);
  CHECK_THAT(decide_with(ActionClass::create_index, 9, 9).reason, ContainsSubstring("9 verdicts of the 10"));
  CHECK(decide_with(ActionClass::create_index, 10, 10).kind == DecisionKind::automatic);
  CHECK(decide_with(ActionClass::create_index, 10, 11).limit == "track record");
  CHECK_THAT(decide_with(ActionClass::create_index, 10, 11).reason,
             ContainsSubstring("10 of 11 predictions came true: a precision of at least 0.7"));
  CHECK(decide_with(ActionClass::create_index, 19, 20).kind == DecisionKind::automatic);
  // It falls back by itself.
  CHECK(decide_with(ActionClass::create_index, 19, 22).limit == "track record");
}

TEST_CASE("a class without a measured benefit needs no record, and a policy may do without") {
  for (const auto action : {ActionClass::analyze, ActionClass::vacuum, ActionClass::refresh_matview})
    CHECK(decide_with(action, 0, 0).kind == DecisionKind::automatic);
  CHECK(decide_with(ActionClass::system_setting, 0, 0).limit == "track record");
  CHECK(decide_with(ActionClass::system_setting, 0, 0, {0, 0.8}).kind == DecisionKind::automatic);
  CHECK(decide_with(ActionClass::create_index, 3, 3, {3, 0.6}).kind == DecisionKind::automatic);
}

TEST_CASE("a record counts what a verdict says of the promise") {
  TrackRecord record;
  const auto count = [&](ActionClass action, VerdictKind kind, bool undone) {
    count_verdict(record, action, kind, undone);
    return std::to_string(record.right) + "/" + std::to_string(record.verdicts) + "/" + std::to_string(record.undone);
  };
  CHECK(count(ActionClass::create_index, VerdictKind::improved, false) == "1/1/0");
  CHECK(count(ActionClass::create_index, VerdictKind::no_effect, false) == "1/2/0");
  CHECK(count(ActionClass::create_index, VerdictKind::regressed, true) == "1/3/1");
  CHECK(count(ActionClass::create_index, VerdictKind::insufficient, false) == "1/3/1");
  CHECK(count(ActionClass::drop_index, VerdictKind::no_effect, false) == "2/4/1");
  // What helped and was taken back all the same was not what somebody wanted.
  CHECK(count(ActionClass::create_index, VerdictKind::improved, true) == "2/5/2");
}
