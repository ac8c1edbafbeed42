// Many groups, and a receiver that takes no more messages now: one message for all of them.
#include "alerts/digest.hpp"

#include <nlohmann/json.hpp>

#include "tests/unit/engine/chat_scene.hpp"
#include "tests/unit/engine/delivery_world.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

constexpr const char* kWay = "chat/slack/0";

struct Scene : ChatScene {
  std::map<std::string, Alert> alerts;

  Scene() : ChatScene(kWay, Millis(1'000)) {}
  void tell(const std::string& rule, AlertState alert_state) {
    clock.advance(Millis(1'000));
    auto& alert = alerts[rule];
    alert.rule = rule;
    alert.labels = Labels{{"alertname", rule}, {"severity", rule == "A" ? "critical" : "warning"}};
    alert.state = alert_state;
    if (!alert.fired_at) alert.active_at = alert.fired_at.emplace(clock.now());
    if (alert_state == AlertState::resolved) alert.resolved_at = clock.now();
    std::vector<Alert> all;
    for (const auto& [name, each] : alerts) all.push_back(each);
    dispatch(std::move(all), {alert});
  }
  bool combine() {
    const auto queued = ledger->outbox_list("queued", 100);
    REQUIRE(queued);
    const auto plan = engine::plan_digest(state, "chat", kWay, *queued, words());
    if (plan) take(*plan);
    return plan.has_value();
  }
  [[nodiscard]] std::size_t unsent() const {
    std::size_t out = 0;
    const auto stored = ledger->load_dispatch();
    REQUIRE(stored);
    for (const auto& [key, group] : stored->groups)
      for (const auto& [way, told] : group.told) out += told.unsent.size();
    return out;
  }
};

std::map<std::string, std::string> statuses(const OutboxMessage& message) {
  std::map<std::string, std::string> out;
  const auto body = nlohmann::json::parse(message.body);
  for (const auto& alert : body["alerts"]) out[alert["labels"]["alertname"]] = alert["status"];
  return out;
}

}  // namespace

TEST_CASE("what waits for a receiver becomes one message that says so, and its arrival settles every group") {
  Scene scene;
  for (const auto* rule : {"A", "B", "C"}) scene.tell(rule, AlertState::firing);
  scene.tell("B", AlertState::resolved);
  REQUIRE(scene.combine());
  CHECK(scene.state.groups.begin()->second.told.at(kWay).unsent.size() == 1);
  const auto messages = scene.due();
  REQUIRE(messages.size() == 1);
  const auto& digest = messages[0];
  CHECK(digest.kind == alerts::kDigest);
  CHECK(digest.urgency == Urgency::critical);
  CHECK_FALSE(digest.expires_at);
  CHECK(statuses(digest) == std::map<std::string, std::string>{{"A", "firing"}, {"B", "resolved"}, {"C", "firing"}});
  CHECK(scene.unsent() == 3);
  scene.sent(digest);
  CHECK(scene.unsent() == 0);
  CHECK(scene.due().empty());
  CHECK_FALSE(engine::plan_settle(scene.state, digest));
}

TEST_CASE("nothing overtakes a digest, and what comes while it waits is taken into the next") {
  Scene scene;
  for (const auto* rule : {"A", "B"}) scene.tell(rule, AlertState::firing);
  REQUIRE(scene.combine());
  const auto first = scene.due();
  REQUIRE(first.size() == 1);
  scene.tell("A", AlertState::resolved);
  // The digest is under way: the end of A waits for its answer.
  CHECK(scene.due().empty());
  REQUIRE(scene.ledger->mark_failed(first[0].id, "429", scene.clock.now() + Millis(600'000)));
  CHECK(scene.due().empty());
  REQUIRE(scene.combine());
  const auto second = scene.due();
  REQUIRE(second.size() == 1);
  CHECK(statuses(second[0]) == std::map<std::string, std::string>{{"A", "resolved"}, {"B", "firing"}});
  scene.sent(second[0]);
  CHECK(scene.unsent() == 0);
  CHECK(scene.ledger->outbox_stats()->queued == 0);
}

TEST_CASE("a digest that waits alone is not made anew, whatever waits for other receivers") {
  Scene scene;
  for (const auto* rule : {"A", "B"}) scene.tell(rule, AlertState::firing);
  REQUIRE(scene.combine());
  const auto waits = scene.ledger->outbox_list("queued", 10);
  REQUIRE(waits);
  CHECK_FALSE(scene.combine());
  const auto due = scene.due();
  REQUIRE(due.size() == 1);
  CHECK(due[0].id == waits->front().id);
}

TEST_CASE("one waiting group is no digest, and a message of no group is never taken back") {
  Scene scene;
  scene.tell("A", AlertState::firing);
  CHECK_FALSE(scene.combine());
  scene.tell("B", AlertState::firing);
  OutboxMessage other;
  other.receiver = kWay;
  other.group_key = "a dead letter";
  other.dedup_key = "x";
  other.kind = "firing";
  other.body = "{}";
  other.created_at = other.not_before = scene.clock.now();
  REQUIRE(scene.ledger->save_alerts({}, {other}));
  REQUIRE(scene.combine());
  CHECK(scene.due().size() == 2);
  CHECK(engine::unsent_of(scene.state, other).empty());
}

TEST_CASE("random digests under random faults do happen") {
  DeliveryWorld world(5, {}, 0);
  for (int round = 0; round < 400; ++round) world.step(false);
  CHECK(world.digests() > 0);
}

TEST_CASE("a digest that is refused for good is not forgotten: it says what it said") {
  Scene scene;
  for (const auto* rule : {"A", "B"}) scene.tell(rule, AlertState::firing);
  REQUIRE(scene.combine());
  const auto digest = scene.due().at(0);
  CHECK(engine::unsent_of(scene.state, digest).size() == 2);
}
