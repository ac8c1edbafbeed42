#include "agent/policy/report.hpp"

#include <algorithm>

#include "tests/support/catch.hpp"
#include "tests/unit/policy/proposals.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

constexpr Millis kHour{3'600'000}, kDay{24LL * 3'600'000};
const UtcTime kNoon = at("2026-03-04T12:00:00Z");  // a Wednesday

// ANALYZE by itself at night in Berlin: two changes, a gigabyte of WAL, standbys at most 5 s behind.
PolicyConfig nightly() {
  PolicyConfig config;
  config.windows.push_back({"night", "Europe/Berlin", {}, 120, 300});
  PolicyRule rule;
  rule.name = "nightly";
  rule.actions = {ActionClass::analyze};
  rule.mode = PolicyMode::automatic;
  rule.window = "night";
  rule.budget.changes = 2;
  rule.budget.wal_bytes = 1LL << 30;
  rule.budget.replica_lag = Millis(5'000);
  rule.cool_down = kHour;
  config.rules.push_back(rule);
  config.defaults[ActionClass::create_index] = PolicyMode::automatic;
  config.defaults[ActionClass::drop_index] = PolicyMode::recommend;
  return config;
}

ProposedChange analyze(const std::string& object, std::int64_t wal = 0) {
  auto change = proposal(ActionClass::analyze);
  change.object = object;
  change.cost.wal_bytes = wal;
  return change;
}

std::string limits_of(const PolicySimulation& simulation) {
  std::string out;
  for (const auto& limit : simulation.limits) out += (limit.holds ? "+" : "-") + limit.limit + " ";
  return out;
}

}  // namespace

TEST_CASE("a report shows modes, windows with the next opening, budgets with what is spent and what rests") {
  const auto config = nightly();
  const UtcTime night = at("2026-03-04T01:30:00Z");  // 02:30 in Berlin
  auto past = trusted();
  past.records[ActionClass::create_index] = {3, 3, 0, 0.12};
  past.changes = {past_change(analyze("public.a", 100), night - Millis(1'200'000), "nightly")};
  past.changes.push_back(past_change(proposal(ActionClass::drop_index), night - kDay, "", true));
  past.in_flight = {"shop"};
  const auto report = policy::report(config, past, night);
  CHECK_FALSE(report.frozen);
  REQUIRE(report.windows.size() == 1);
  CHECK(text_of(report.windows[0].closes_at) == "2026-03-04T04:00:00Z");
  CHECK(text_of(report.windows[0].next_opening) == "2026-03-05T01:00:00Z");
  REQUIRE(report.rules.size() == 1);
  REQUIRE(report.rules[0].budget);
  CHECK(report.rules[0].budget->changes == 1);
  CHECK(report.rules[0].budget->spent.wal_bytes == 100);
  CHECK(report.rules[0].budget->spent.bytes == 1 << 20);
  CHECK(text_of(report.rules[0].budget->from) == "2026-03-04T01:00:00Z");
  CHECK(report.classes.size() == all_action_classes().size());
  const auto& create = *std::find_if(report.classes.begin(), report.classes.end(),
                                     [](const auto& one) { return one.action == ActionClass::create_index; });
  CHECK(create.needs_record);
  CHECK_THAT(create.held_back, ContainsSubstring("3 verdicts of the 10"));
  CHECK(create.record.median_error == 0.12);
  REQUIRE(report.cool_downs.size() == 2);
  CHECK(report.cool_downs[0].limit == "cool_down");
  CHECK(report.cool_downs[0].object == "public.a");
  CHECK(text_of(report.cool_downs[0].until) == "2026-03-04T02:10:00Z");
  CHECK(report.cool_downs[1].limit == "cool_down after undo");
  CHECK(text_of(report.cool_downs[1].until) == "2026-03-10T01:30:00Z");
  CHECK(report.in_flight == std::vector<std::string>{"shop"});
}

TEST_CASE("what is over is not reported, and a closed window has no budget period") {
  const auto config = nightly();
  auto past = trusted();
  past.changes = {past_change(analyze("public.a"), kNoon - 10 * kHour, "nightly")};
  past.frozen = true;
  past.frozen_by = "ann";
  const auto report = policy::report(config, past, kNoon);
  CHECK(report.frozen);
  CHECK(report.frozen_by == "ann");
  CHECK(report.cool_downs.empty());
  CHECK_FALSE(report.windows[0].closes_at);
  CHECK_FALSE(report.rules[0].budget->from);
  CHECK(report.rules[0].budget->changes == 0);
}

TEST_CASE("a simulation names every limit and the moment at which the change could run") {
  const auto config = nightly();
  auto past = trusted();
  const auto change = analyze("public.a", 1000);
  auto simulated = policy::simulate(change, Risk::low, config, past, kNoon);
  CHECK(simulated.rule == "nightly");
  CHECK(limits_of(simulated) ==
        "+rule nightly +cool_down after undo +undo count +track record -window night +budget "
        "+budget replica_lag +cool_down +in flight ");
  CHECK(text_of(simulated.could_run_at) == "2026-03-05T01:00:00Z");
  // The next night, because this one's changes are spent; and then only after the object's rest.
  const UtcTime night = at("2026-03-05T01:30:00Z");
  past.changes = {past_change(analyze("public.b"), night - Millis(60'000), "nightly"),
                  past_change(analyze("public.c"), night - Millis(60'000), "nightly")};
  simulated = policy::simulate(change, Risk::low, config, past, night);
  CHECK(simulated.decision.limit == "budget changes");
  CHECK(text_of(simulated.could_run_at) == "2026-03-06T01:00:00Z");
  past.changes.clear();
  simulated = policy::simulate(change, Risk::low, config, past, night);
  CHECK(simulated.could_run_at == night);
  // What nobody can foresee has no moment.
  past.in_flight = {"shop"};
  CHECK_FALSE(policy::simulate(change, Risk::low, config, past, night).could_run_at);
  past.in_flight.clear();
  past.replica_lag = Millis(6'000);
  simulated = policy::simulate(change, Risk::low, config, past, night);
  CHECK(simulated.decision.limit == "budget replica_lag");
  CHECK_THAT(simulated.decision.reason, ContainsSubstring("6s behind; the ceiling is 5s"));
  CHECK_FALSE(simulated.could_run_at);
  past.replica_lag = Millis(5'000);
  CHECK(policy::simulate(change, Risk::low, config, past, night).could_run_at == night);
}

TEST_CASE("the budget of WAL binds, by what was measured") {
  const auto config = nightly();
  const UtcTime night = at("2026-03-05T01:30:00Z");
  auto past = trusted();
  past.changes = {past_change(analyze("public.b", 1'000'000'000), night - Millis(60'000), "nightly")};
  const auto decision = policy::decide(analyze("public.a", 100'000'000), Risk::low, config, past, night);
  CHECK(decision.limit == "budget wal_bytes");
  CHECK(text_of(decision.not_before) == "2026-03-06T01:00:00Z");
  CHECK(policy::decide(analyze("public.a", 50'000'000), Risk::low, config, past, night).limit == "rule nightly");
  CHECK(policy::decide(analyze("public.a", 2LL << 30), Risk::low, config, past, night).kind ==
        DecisionKind::needs_approval);
}

TEST_CASE("modes that ask or recommend have only the limits that bind them, and never run by themselves") {
  const auto config = nightly();
  auto simulated = policy::simulate(proposal(ActionClass::drop_index), Risk::low, config, trusted(), kNoon);
  CHECK(limits_of(simulated) == "-action_class drop_index ");
  CHECK(simulated.limits[0].reason == "The default for drop_index says recommend.");
  CHECK_FALSE(simulated.could_run_at);
}

TEST_CASE("a class with an object is a coherent change, and the deny list sees its setting") {
  for (const auto action : all_action_classes()) {
    CAPTURE(to_string(action));
    const auto change = policy::sketch(action, "shop", "public.a");
    CHECK(policy::decide(change, Risk::low, policy_of(action, PolicyMode::approve), trusted(), kNoon).kind ==
          DecisionKind::needs_approval);
  }
  const auto denied = policy::sketch(ActionClass::system_setting, "", "setting fsync");
  CHECK(policy::decide(denied, Risk::low, policy_of(ActionClass::system_setting, PolicyMode::approve), trusted(), kNoon)
            .limit == "setting deny list");
}
