// The loss that others show: a receiver says 429, and the alert ends before the group speaks again.
#include <nlohmann/json.hpp>

#include "tests/unit/engine/chat_scene.hpp"

using namespace pgtend;
using namespace pgtend::test;

TEST_CASE("429, then an early end: one message that says when it fired and when it resolved") {
  ChatScene scene("chat/webhook/0", Millis(15'000));
  Alert alert;
  alert.rule = "PgDown";
  alert.labels = Labels{{"alertname", "PgDown"}, {"severity", "critical"}};
  alert.state = AlertState::firing;
  alert.active_at = scene.clock.now();
  alert.fired_at = scene.clock.now();
  scene.dispatch({alert}, {alert});
  const auto first = scene.due();
  REQUIRE(first.size() == 1);
  const auto busy = alerts::classify(429, {{"retry-after", "60"}}, scene.clock.now());
  REQUIRE(busy.outcome == alerts::DeliveryOutcome::retry);
  const auto again = engine::retry_at(scene.clock.now(), 1, busy.retry_after, 1);
  CHECK(again >= scene.clock.now() + Millis(60'000));
  REQUIRE(scene.ledger->mark_failed(first[0].id, busy.reason, again));

  scene.clock.advance(Millis(15'000));
  alert.state = AlertState::resolved;
  alert.resolved_at = scene.clock.now();
  alert.resolved_value = 1;
  scene.dispatch({alert}, {alert});
  const auto second = scene.due();
  REQUIRE(second.size() == 1);
  const auto body = nlohmann::json::parse(second[0].body);
  CHECK(body["status"] == "resolved");
  CHECK(body["alerts"].size() == 1);
  CHECK(body["alerts"][0]["startsAt"] == to_rfc3339(*alert.fired_at));
  CHECK(body["alerts"][0]["endsAt"] == to_rfc3339(*alert.resolved_at));
  CHECK(body["alerts"][0]["resolvedValue"] == 1.0);
  scene.sent(second[0]);
  scene.clock.advance(Millis(3'600'000));
  CHECK(scene.due().empty());
  CHECK(scene.ledger->outbox_stats()->superseded == 1);
}

TEST_CASE("retries wait with full jitter below a ceiling that doubles to five minutes") {
  const UtcTime now = from_ms(1'700'000'000'000);
  for (int attempts = 1; attempts < 15; ++attempts) {
    Millis longest{0};
    for (std::uint64_t seed = 0; seed < 200; ++seed)
      longest = std::max(longest, engine::retry_at(now, attempts, std::nullopt, seed) - now);
    const Millis ceiling = std::min<Millis>(Millis(1000) * (1 << std::min(attempts, 9)), Millis(300'000));
    CHECK(longest <= ceiling);
    CHECK(longest > ceiling / 2);
  }
}

TEST_CASE("no message is retried without a pause, however its first wait was drawn") {
  const UtcTime now = from_ms(1'700'000'000'000);
  for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
    INFO("seed " << seed);
    Millis longest{0};
    for (int attempts = 9; attempts < 19; ++attempts)
      longest = std::max(longest, engine::retry_at(now, attempts, std::nullopt, seed) - now);
    CHECK(longest > Millis(30'000));
  }
}
