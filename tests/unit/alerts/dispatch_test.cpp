#include "alerts/dispatch.hpp"

#include "agent/model/matcher_text.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fake_clock.hpp"

using namespace pgtend;
using namespace pgtend::alerts;

namespace {

using std::chrono::minutes;
using std::chrono::seconds;

// A dispatcher with its clock; every call is what the engine does in one step.
struct Desk {
  test::FakeClock clock;
  DispatchRules rules;
  DispatchInputs inputs;
  DispatchState state;
  std::map<std::string, Alert> known;

  explicit Desk(Route root) {
    rules.tree = RouteTree(root);
    for (const auto& name : rules.tree.receivers()) rules.receivers[name] = {{name, true}};
    rules.flap.per_hour = 0;
  }
  std::vector<Notification> step(const std::vector<Alert>& changed = {}) {
    DispatchStep out;
    for (const auto& alert : changed) known[alert.fingerprint_hex()] = alert;
    inputs.alerts.clear();
    for (const auto& [id, alert] : known) inputs.alerts.push_back(alert);
    admit(state, rules, inputs, changed, clock.now(), out);
    flush(state, rules, inputs, clock.now(), out);
    return out.notifications;
  }
  std::vector<Notification> after(Millis by, const std::vector<Alert>& changed = {}) {
    clock.advance(by);
    return step(changed);
  }
  Alert firing(const std::string& name, const std::string& database = "shop") {
    Alert out;
    out.rule = name;
    out.labels = Labels{{"alertname", name}, {"datname", database}};
    out.state = AlertState::firing;
    out.active_at = clock.now();
    out.fired_at = clock.now();
    return out;
  }
  Alert resolved(Alert alert) {
    alert.state = AlertState::resolved;
    alert.resolved_at = clock.now();
    return alert;
  }
  void ack(const Notification& n) { settle(state, n.group_key, n.integration, n.sequence); }
};

Route plain() {
  Route root;
  root.receiver = "oncall";
  root.group_by = std::vector<std::string>{"alertname"};
  root.group_wait = seconds(30);
  root.group_interval = minutes(5);
  root.repeat_interval = std::chrono::hours(4);
  return root;
}

}  // namespace

TEST_CASE("a group waits, gathers, speaks at its interval and repeats") {
  Desk desk(plain());
  const auto a = desk.firing("A", "shop"), b = desk.firing("A", "crm");
  CHECK(desk.step({a}).empty());
  CHECK(desk.after(seconds(10), {b}).empty());
  const auto first = desk.after(seconds(20));
  REQUIRE(first.size() == 1);
  CHECK(first[0].alerts.size() == 2);
  CHECK(first[0].reason == NotificationReason::firing);
  desk.ack(first[0]);
  CHECK(desk.after(minutes(5)).empty());
  const auto c = desk.firing("A", "erp");
  CHECK(desk.step({c}).empty());
  const auto second = desk.after(minutes(5));
  REQUIRE(second.size() == 1);
  CHECK(second[0].alerts.size() == 3);
  CHECK(second[0].sequence > first[0].sequence);
  desk.ack(second[0]);
  std::size_t repeats = 0;
  for (int i = 0; i < 48; ++i) {
    const auto said = desk.after(minutes(5));
    for (const auto& n : said) repeats += n.reason == NotificationReason::repeat && n.told == 3 ? 1 : 0;
  }
  CHECK(first[0].told == 1);
  CHECK(repeats == 1);
}

TEST_CASE("an alert that ends before its group speaks is told as one message with both times") {
  Desk desk(plain());
  const auto a = desk.firing("A");
  desk.step({a});
  desk.clock.advance(seconds(10));
  CHECK(desk.step({desk.resolved(a)}).empty());
  const auto said = desk.after(seconds(20));
  REQUIRE(said.size() == 1);
  CHECK(said[0].reason == NotificationReason::resolved);
  CHECK(said[0].alerts.at(0).alert.fired_at == a.fired_at);
  CHECK(said[0].alerts.at(0).alert.resolved_at);
  desk.ack(said[0]);
  desk.after(minutes(5));
  CHECK(desk.state.groups.empty());
}

TEST_CASE("what was not acknowledged is said again by the message that takes its place") {
  Desk desk(plain());
  const auto a = desk.firing("A", "shop"), b = desk.firing("A", "crm");
  desk.step({a, b});
  REQUIRE(desk.after(seconds(30)).size() == 1);  // nobody acknowledges it
  const auto ended = desk.resolved(a);
  desk.step({ended});
  const auto second = desk.after(minutes(5));
  REQUIRE(second.size() == 1);
  desk.clock.advance(minutes(1));
  const auto again = desk.firing("A", "shop");
  desk.step({again});
  const auto third = desk.after(minutes(5));
  REQUIRE(third.size() == 1);
  bool found = false;
  for (const auto& entry : third[0].alerts)
    if (entry.alert.labels.get("datname") == "shop") {
      found = true;
      CHECK(entry.alert.fired_at == again.fired_at);
      REQUIRE(entry.earlier.size() == 1);
      CHECK(entry.earlier[0].fired_at == a.fired_at);
      CHECK(entry.earlier[0].resolved_at == ended.resolved_at);
    }
  CHECK(found);
  desk.ack(third[0]);
  desk.step({desk.resolved(again), desk.resolved(b)});
  const auto last = desk.after(minutes(5));
  REQUIRE(last.size() == 1);
  for (const auto& entry : last[0].alerts) CHECK(entry.earlier.empty());
}

TEST_CASE("a muted alert is not told, but the end of what was told always is") {
  Desk desk(plain());
  const auto a = desk.firing("A");
  desk.step({a});
  desk.ack(desk.after(seconds(30)).at(0));
  Silence silence;
  silence.id = "s";
  silence.matchers = parse_matchers("alertname=~\"A|B\"").value();
  silence.starts_at = desk.clock.now();
  silence.ends_at = desk.clock.now() + std::chrono::hours(10);
  desk.inputs.silences = {silence};
  const auto b = desk.firing("B");
  desk.step({b});
  CHECK(desk.after(minutes(5)).empty());
  CHECK(desk.after(std::chrono::hours(5)).empty());  // no repeat either
  const auto said = desk.after(minutes(5), {desk.resolved(a), desk.resolved(b)});
  REQUIRE(said.size() == 1);
  CHECK(said[0].alerts.at(0).alert.rule == "A");
  CHECK(said[0].reason == NotificationReason::resolved);
}

TEST_CASE("an alert that our change caused for its whole life is never told, however late its group speaks") {
  Desk desk(plain());
  const auto caused = desk.firing("PgReplicaLag");
  desk.inputs.changes = {{"chg-7", {"PgReplicaLag"}}};
  REQUIRE(desk.after(seconds(10), {caused}).empty());
  REQUIRE(desk.after(seconds(10), {desk.resolved(caused)}).empty());
  desk.inputs.changes.clear();
  CHECK(desk.after(seconds(3600)).empty());

  // It began before the change, was told, and its end must arrive.
  const auto before = desk.firing("PgReplicaLag", "c");
  REQUIRE(desk.step({before}).empty());
  REQUIRE(desk.after(seconds(3600)).size() == 1);
  desk.inputs.changes = {{"chg-8", {"PgReplicaLag"}}};
  REQUIRE(desk.after(seconds(10), {desk.resolved(before)}).empty());
  desk.inputs.changes.clear();
  CHECK(desk.after(seconds(3600)).at(0).alerts.at(0).alert.state == AlertState::resolved);
}

TEST_CASE("the worst alert of a group comes first and names its message, however young it is") {
  Desk desk(plain());
  auto warning = desk.firing("A", "a");
  warning.labels.set("severity", "warning");
  REQUIRE(desk.step({warning}).empty());
  desk.clock.advance(seconds(10));
  auto critical = desk.firing("A", "z");
  critical.labels.set("severity", "critical");
  REQUIRE(desk.step({critical}).empty());
  const auto told = desk.after(seconds(30));
  REQUIRE(told.size() == 1);
  REQUIRE(told[0].alerts.size() == 2);
  CHECK(told[0].alerts[0].alert.labels.get("severity") == "critical");
}

TEST_CASE("when the silence ends, what still fires is told") {
  Desk desk(plain());
  Silence silence;
  silence.matchers = parse_matchers("alertname=A").value();
  silence.starts_at = desk.clock.now();
  silence.ends_at = desk.clock.now() + minutes(20);
  desk.inputs.silences = {silence};
  desk.step({desk.firing("A")});
  CHECK(desk.after(minutes(1)).empty());
  std::size_t told = 0;
  for (int i = 0; i < 6; ++i) told += desk.after(minutes(5)).size();
  CHECK(told == 1);
}

TEST_CASE("an Alertmanager that can be reached keeps the receivers quiet, and they hear of the rest when it cannot") {
  Desk desk(plain());
  desk.inputs.standby = true;
  desk.step({desk.firing("A")});
  CHECK(desk.after(minutes(1)).empty());
  desk.inputs.standby = false;
  take_over(desk.state, desk.clock.now());
  const auto said = desk.after(seconds(1));
  REQUIRE(said.size() == 1);
  desk.ack(said[0]);
  desk.inputs.standby = true;
  desk.step({desk.firing("A", "crm")});
  CHECK(desk.after(minutes(5)).empty());
  const auto ended = desk.after(minutes(5), {desk.resolved(said[0].alerts[0].alert)});
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].alerts.size() == 1);
}

TEST_CASE("an alert that flaps is told once, and its end after a calm that grows") {
  auto root = plain();
  root.group_wait = seconds(0);
  root.group_interval = seconds(10);
  Desk desk(root);
  desk.rules.flap.per_hour = 4;
  std::size_t messages = 0, digests = 0;
  Alert last;
  for (int i = 0; i < 10; ++i) {
    last = desk.firing("A");
    auto said = desk.after(seconds(30), {last});
    const auto more = desk.after(seconds(30), {desk.resolved(last)});
    said.insert(said.end(), more.begin(), more.end());
    for (const auto& n : said) {
      desk.ack(n);
      ++messages;
      digests += n.reason == NotificationReason::flapping ? 1 : 0;
    }
  }
  CHECK(digests == 1);
  CHECK(messages <= 6);
  std::size_t ends = 0;
  for (int i = 0; i < 240; ++i)
    for (const auto& n : desk.after(seconds(30))) {
      desk.ack(n);
      CHECK(n.reason == NotificationReason::resolved);
      ++ends;
    }
  CHECK(ends == 1);
  CHECK(desk.state.groups.empty());
}

TEST_CASE("the next step is told when nobody acknowledges, and hears the end too") {
  auto root = plain();
  root.escalate = {{minutes(15), "boss"}};
  Desk desk(root);
  const auto a = desk.firing("A");
  desk.step({a});
  desk.ack(desk.after(seconds(30)).at(0));
  CHECK(desk.after(minutes(14)).empty());
  const auto said = desk.after(minutes(2));
  REQUIRE(said.size() == 1);
  CHECK(said[0].receiver == "boss");
  CHECK(said[0].reason == NotificationReason::escalation);
  desk.ack(said[0]);
  desk.step({desk.resolved(a)});
  const auto ended = desk.after(minutes(5));
  CHECK(ended.size() == 2);
}

TEST_CASE("an acknowledged alert is not escalated") {
  auto root = plain();
  root.escalate = {{minutes(15), "boss"}};
  Desk desk(root);
  desk.step({desk.firing("A")});
  desk.after(seconds(30));
  Silence ack;
  ack.matchers = parse_matchers("alertname=A").value();
  ack.starts_at = desk.clock.now();
  ack.until_resolved = true;
  desk.inputs.silences = {ack};
  for (int i = 0; i < 20; ++i) CHECK(desk.after(minutes(5)).empty());
}

TEST_CASE("an unknown alert stays told as firing, however long") {
  Desk desk(plain());
  auto a = desk.firing("A");
  desk.step({a});
  desk.ack(desk.after(seconds(30)).at(0));
  a.unknown = true;
  desk.step({a});
  for (int i = 0; i < 30; ++i)
    for (const auto& n : desk.after(minutes(5))) CHECK(n.reason == NotificationReason::firing);
  CHECK(desk.state.groups.size() == 1);
}

TEST_CASE("a clock that was set back delays nothing beyond a group's own waits") {
  Desk desk(plain());
  desk.clock.step(std::chrono::hours(24));
  desk.step({desk.firing("A")});
  desk.clock.step(-std::chrono::hours(24));
  desk.step();
  CHECK(desk.after(minutes(5)).size() == 1);
}

TEST_CASE("when a route is taken away, whoever was told hears the end") {
  Desk desk(plain());
  const auto a = desk.firing("A");
  desk.step({a});
  desk.ack(desk.after(seconds(30)).at(0));
  auto other = plain();
  other.matchers = parse_matchers("never=yes").value();
  desk.rules.tree = RouteTree(other);
  desk.step({desk.resolved(a)});
  const auto said = desk.after(minutes(5));
  REQUIRE(said.size() == 1);
  CHECK(said[0].receiver == "oncall");
}
