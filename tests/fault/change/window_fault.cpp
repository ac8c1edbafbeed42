#include "tests/fault/change/scene.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

constexpr Millis kMinute{60'000};

// ANALYZE of orders runs by itself for an hour, so many minutes from now.
void allow_later(Rig& rig, int after_minutes) {
  const auto minute = static_cast<int>(to_ms(rig.clock().now()) / kMinute.count() % 1440);
  PolicyWindow window;
  window.name = "later";
  window.start_minute = (minute + after_minutes) % 1440;
  window.end_minute = (minute + after_minutes + 60) % 1440;
  PolicyRule rule;
  rule.name = "analyze later";
  rule.actions = {ActionClass::analyze};
  rule.mode = PolicyMode::automatic;
  rule.window = window.name;
  rig.policy().windows = {window};
  rig.policy().rules = {rule};
}

// A change that policy lets run by itself, which is what windows bind.
std::string by_policy(Rig& rig, const std::string& recommendation_id) {
  Recommendation recommendation;
  recommendation.id = recommendation_id;
  recommendation.advisor = "autovacuum";
  recommendation.change = maintenance_plan(false);
  const Decision automatic{DecisionKind::automatic, "rule analyze later", "auto", std::nullopt};
  const auto change = rig.run(rig.pipeline().submit(recommendation, automatic));
  REQUIRE(change);
  REQUIRE(change->approved_by == "policy");
  return change->id;
}

// What becomes of it within a second.
ChangeState after_a_while(Rig& rig, const std::string& id) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  return rig.drive(id, [until](const Change&) { return std::chrono::steady_clock::now() > until; }).state;
}

}  // namespace

TEST_CASE("a clock that moves over a window's edge begins nothing outside of it and breaks nothing off") {
  auto& server = shared_cluster();
  const auto seed = first_seed();
  INFO("PGTEND_SEED=" << seed);
  Dice dice(seed);
  for (int round = 0; round < seeded_runs(1); ++round) {
    CAPTURE(round);
    make_shop(server);
    TempDir dir("pgtend-fault");
    Rig rig(server, {.ledger_file = dir.path() / "ledger.db"});
    const int after = dice.between(90, 600);
    allow_later(rig, after);
    const auto first = by_policy(rig, "first");
    CHECK(after_a_while(rig, first) == ChangeState::approved);
    // A minute before the window, then into it.
    rig.clock().move(kMinute * (after - 2));
    CHECK(after_a_while(rig, first) == ChangeState::approved);
    rig.clock().move(kMinute * dice.between(3, 40));
    CHECK(rig.drive(first).state == ChangeState::kept);

    // The window ends while the change is under way.
    auto holder = server.session("shop");
    holder.exec("BEGIN; LOCK TABLE orders IN SHARE UPDATE EXCLUSIVE MODE");
    const auto second = by_policy(rig, "second");
    bool moved = false;
    const auto ended = rig.drive(second, [&](const Change& now) {
      if (!moved && now.state == ChangeState::applying) {
        rig.clock().move(kMinute * 70);
        holder.exec("COMMIT");
        moved = true;
      }
      return is_final(now.state);
    });
    CHECK(moved);
    CHECK(ended.state == ChangeState::kept);
    CHECK(ended.attempt == 1);

    // The next one waits, until the clock comes into the window of the next day.
    const auto third = by_policy(rig, "third");
    CHECK(after_a_while(rig, third) == ChangeState::approved);
    rig.clock().move(kMinute * (1440 - 70));
    CHECK(rig.drive(third).state == ChangeState::kept);
    CHECK(rig.ledger().audit_verify()->ok);
  }
}
