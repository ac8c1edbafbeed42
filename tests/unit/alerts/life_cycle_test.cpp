#include "alerts/life_cycle.hpp"

#include <limits>

#include "tests/support/catch.hpp"
#include "tests/support/fake_clock.hpp"

using namespace pgtend;
using namespace pgtend::alerts;

namespace {

CompiledRule rule(Millis hold, Millis keep = Millis(0)) {
  Rule r;
  r.name = "PgDown";
  r.hold = hold;
  r.keep_firing_for = keep;
  r.labels = {{"severity", "critical"}};
  r.annotations["summary"] = "{{ $labels.server }} at {{ $value | humanize }}";
  return compile(r, "availability").value();
}

Evaluation one(double value) {
  return {true, "", {{Labels{{"__name__", "pg_up"}, {"server", "db1"}}, value}}};
}

}  // namespace

TEST_CASE("an alert waits for `for`, fires, resolves and is forgotten after the retention") {
  test::FakeClock clock;
  const auto r = rule(Millis(60'000));
  RuleAlerts alerts;
  auto changed = step(r, one(0), alerts, clock.now(), {}).value();
  REQUIRE(changed.size() == 1);
  REQUIRE(changed[0].state == AlertState::pending);
  REQUIRE(changed[0].labels.get("alertname") == "PgDown");
  REQUIRE(changed[0].labels.get("severity") == "critical");
  REQUIRE_FALSE(changed[0].labels.has("__name__"));

  clock.advance(Millis(59'000));
  REQUIRE(step(r, one(0), alerts, clock.now(), {}).value().empty());
  clock.advance(Millis(1'000));
  changed = step(r, one(0), alerts, clock.now(), {}).value();
  REQUIRE(changed.at(0).state == AlertState::firing);
  REQUIRE(changed[0].fired_at == clock.now());

  clock.advance(Millis(15'000));
  changed = step(r, {}, alerts, clock.now(), {}).value();
  REQUIRE(changed.at(0).state == AlertState::resolved);
  REQUIRE(notifiable(alerts, clock.now()).size() == 1);
  clock.advance(kResolvedRetention + Millis(1));
  changed = step(r, {}, alerts, clock.now(), {}).value();
  REQUIRE(changed.at(0).state == AlertState::inactive);
  REQUIRE(alerts.empty());
}

TEST_CASE("an alert whose series a run may have left out is unknown until it is seen, and ends after a day") {
  test::FakeClock clock;
  const auto r = rule(Millis(0));
  RuleAlerts alerts;
  const auto key = fingerprint(step(r, one(9), alerts, clock.now(), {}).value().at(0).labels);
  Evaluation cut;
  cut.left_out = {{key, "collector tables left out 305 rows"}};
  clock.advance(Millis(60'000));

  auto changed = step(r, cut, alerts, clock.now(), {}).value();
  REQUIRE(changed.size() == 1);
  CHECK(changed[0].state == AlertState::firing);
  CHECK(changed[0].unknown);
  // That it still is so is no news.
  CHECK(step(r, cut, alerts, clock.now(), {}).value().empty());

  SECTION("one that is shown and does not meet the condition resolves with its value") {
    cut.compared = one(1).firing;
    changed = step(r, cut, alerts, clock.now(), {}).value();
    REQUIRE(changed.at(0).state == AlertState::resolved);
    CHECK_FALSE(changed[0].unknown);
    CHECK(changed[0].resolved_value == 1);
  }
  SECTION("one that is known to be gone resolves") {
    changed = step(r, {}, alerts, clock.now(), {}).value();
    CHECK(changed.at(0).state == AlertState::resolved);
  }
  SECTION("one that is seen again goes on") {
    changed = step(r, one(8), alerts, clock.now(), {}).value();
    REQUIRE(changed.at(0).state == AlertState::firing);
    CHECK_FALSE(changed[0].unknown);
  }
  SECTION("one that is never shown again ends") {
    clock.advance(kLeftOutRetention - Millis(60'001));
    CHECK(step(r, cut, alerts, clock.now(), {}).value().empty());
    clock.advance(Millis(1));
    changed = step(r, cut, alerts, clock.now(), {}).value();
    REQUIRE(changed.at(0).state == AlertState::resolved);
    CHECK_FALSE(changed[0].resolved_value);
  }
}

TEST_CASE("an alert that waits and is left out begins anew once in the tolerated time, not with each evaluation") {
  test::FakeClock clock;
  const auto r = rule(Millis(3'600'000));
  RuleAlerts alerts;
  const auto key = fingerprint(step(r, one(9), alerts, clock.now(), {}).value().at(0).labels);
  Evaluation cut;
  cut.left_out = {{key, "left out"}};
  std::vector<Alert> restarted;
  for (int minute = 0; minute < 25; ++minute) {
    clock.advance(Millis(60'000));
    restart_waits(alerts, clock.now(), Millis(600'000), restarted);
    REQUIRE(step(r, cut, alerts, clock.now(), {}));
  }
  CHECK(restarted.size() == 2);
  CHECK(alerts.at(key).state == AlertState::pending);
}

TEST_CASE("labels that every alert has are added where an element has none of that name") {
  Evaluation evaluation = one(0);
  evaluation.compared.push_back({Labels{}, 1});
  add_labels(evaluation, Labels{{"server", "other"}, {"instance", "main"}});
  CHECK(evaluation.firing[0].labels == Labels{{"__name__", "pg_up"}, {"server", "db1"}, {"instance", "main"}});
  CHECK(evaluation.compared[0].labels == Labels{{"server", "other"}, {"instance", "main"}});
}

TEST_CASE("one missing evaluation resets a pending alert") {
  test::FakeClock clock;
  const auto r = rule(Millis(60'000));
  RuleAlerts alerts;
  REQUIRE(step(r, one(0), alerts, clock.now(), {}).has_value());
  clock.advance(Millis(30'000));
  REQUIRE(step(r, {}, alerts, clock.now(), {}).value().at(0).state == AlertState::inactive);
  clock.advance(Millis(45'000));
  REQUIRE(step(r, one(0), alerts, clock.now(), {}).value().at(0).state == AlertState::pending);
}

TEST_CASE("an unknown evaluation freezes the state and never resolves") {
  test::FakeClock clock;
  const auto r = rule(Millis(0));
  RuleAlerts alerts;
  REQUIRE(step(r, one(0), alerts, clock.now(), {}).value().at(0).state == AlertState::firing);
  clock.advance(Millis(3'600'000));
  const Evaluation blind{false, "collector up is blind", {}};
  auto changed = step(r, blind, alerts, clock.now(), {}).value();
  REQUIRE(changed.at(0).unknown);
  REQUIRE(changed[0].state == AlertState::firing);
  REQUIRE(step(r, blind, alerts, clock.now(), {}).value().empty());
  changed = step(r, one(0), alerts, clock.now(), {}).value();
  REQUIRE_FALSE(changed.at(0).unknown);
  REQUIRE(changed[0].fired_at == clock.now() - Millis(3'600'000));
}

TEST_CASE("keep_firing_for holds a firing alert and is forgotten when the condition is back") {
  test::FakeClock clock;
  const auto r = rule(Millis(0), Millis(60'000));
  RuleAlerts alerts;
  REQUIRE(step(r, one(0), alerts, clock.now(), {}).has_value());
  REQUIRE(step(r, {}, alerts, clock.now(), {}).value().at(0).keep_firing_since == clock.now());
  clock.advance(Millis(59'000));
  REQUIRE(step(r, {}, alerts, clock.now(), {}).value().empty());
  REQUIRE_FALSE(step(r, one(0), alerts, clock.now(), {}).value().at(0).keep_firing_since.has_value());
  REQUIRE(step(r, {}, alerts, clock.now(), {}).has_value());
  clock.advance(Millis(60'000));
  REQUIRE(step(r, {}, alerts, clock.now(), {}).value().at(0).state == AlertState::resolved);
}

TEST_CASE("two elements that end with the same labels are an error, not one alert") {
  test::FakeClock clock;
  Rule r;
  r.name = "X";
  r.labels = {{"server", "same"}};
  const auto compiled = compile(r, "g").value();
  RuleAlerts alerts;
  const Evaluation two{true, "", {{Labels{{"server", "a"}}, 1}, {Labels{{"server", "b"}}, 1}}};
  REQUIRE_FALSE(step(compiled, two, alerts, clock.now(), {}).has_value());
}

TEST_CASE("an empty label of a rule takes the series' label away") {
  test::FakeClock clock;
  Rule r;
  r.name = "X";
  r.labels = {{"server", ""}};
  RuleAlerts alerts;
  const auto changed = step(compile(r, "g").value(), one(0), alerts, clock.now(), {}).value();
  REQUIRE(changed.size() == 1);
  CHECK(changed[0].labels == Labels{{"alertname", "X"}});
}

TEST_CASE("a clock that was set back delays no alert by more than its own waits") {
  test::FakeClock clock;
  RuleAlerts pending;
  const auto r = rule(Millis(60'000), Millis(30'000));
  REQUIRE(step(r, one(0), pending, clock.now(), {}).value().at(0).state == AlertState::pending);
  clock.step(Millis(-3'600'000));
  // Stored, so that a restart does not begin the wait once more.
  REQUIRE(step(r, one(0), pending, clock.now(), {}).value().at(0).active_at == clock.now());
  REQUIRE(step(r, one(0), pending, clock.now(), {}).value().empty());
  clock.advance(Millis(60'000));
  REQUIRE(step(r, one(0), pending, clock.now(), {}).value().at(0).state == AlertState::firing);

  REQUIRE(step(r, {}, pending, clock.now(), {}).value().size() == 1);
  clock.step(Millis(-3'600'000));
  REQUIRE(step(r, {}, pending, clock.now(), {}));
  clock.advance(Millis(30'000));
  REQUIRE(step(r, {}, pending, clock.now(), {}).value().at(0).state == AlertState::resolved);

  clock.step(Millis(-3'600'000));
  REQUIRE(step(r, {}, pending, clock.now(), {}));
  clock.advance(kResolvedRetention + Millis(1));
  REQUIRE(step(r, {}, pending, clock.now(), {}));
  REQUIRE(pending.empty());
}

TEST_CASE("a pending alert may be missing as often as its rule allows") {
  test::FakeClock clock;
  auto text = rule(Millis(60'000)).rule;
  text.annotations[kTolerateGaps] = "2";
  const auto r = compile(text, "availability").value();
  RuleAlerts alerts;
  const auto look = [&](const Evaluation& evaluation) {
    clock.advance(Millis(15'000));
    REQUIRE(step(r, evaluation, alerts, clock.now(), {}).has_value());
    return alerts.empty() ? AlertState::inactive : alerts.begin()->second.state;
  };
  CHECK(look(one(0)) == AlertState::pending);
  CHECK(look({}) == AlertState::pending);
  CHECK(look({}) == AlertState::pending);
  CHECK(look(one(0)) == AlertState::pending);
  CHECK(look(one(0)) == AlertState::firing);
  CHECK(look({}) == AlertState::resolved);
  alerts.clear();
  CHECK(look(one(0)) == AlertState::pending);
  CHECK(look({}) == AlertState::pending);
  CHECK(look({}) == AlertState::pending);
  CHECK(look({}) == AlertState::inactive);
  for (const char* wrong : {"", "x", "1.5", "-1", "101", "2 "}) {
    text.annotations[kTolerateGaps] = wrong;
    CHECK_FALSE(compile(text, "availability").has_value());
  }
}

TEST_CASE("an alert whose rule says when it may end stays until then, or until its series is gone") {
  test::FakeClock clock;
  const auto r = rule(Millis(0));
  RuleAlerts alerts;
  const Labels db1{{"server", "db1"}}, db2{{"server", "db2"}};
  const auto look = [&](std::vector<Firing> firing, std::vector<Firing> compared, std::vector<Firing> may_end) {
    clock.advance(Millis(15'000));
    Evaluation evaluation;
    evaluation.firing = std::move(firing);
    evaluation.compared = std::move(compared);
    evaluation.may_end = std::move(may_end);
    REQUIRE(step(r, evaluation, alerts, clock.now(), {}).has_value());
    return alerts.begin()->second;
  };
  CHECK(look({{db1, 0.9}}, {}, {}).state == AlertState::firing);
  auto held = look({}, {{db1, 0.75}}, {{db2, 0.1}});
  CHECK(held.state == AlertState::firing);
  CHECK(held.value == 0.75);
  auto over = look({}, {{db1, 0.5}}, {{db1, 0.5}});
  CHECK(over.state == AlertState::resolved);
  CHECK(over.resolved_value == 0.5);
  CHECK(over.highest == 0.9);
  CHECK(look({{db1, 0.9}}, {}, {}).state == AlertState::firing);
  over = look({}, {{db2, 0.1}}, {});
  CHECK(over.state == AlertState::resolved);
  CHECK_FALSE(over.resolved_value);
}

TEST_CASE("the worst values are those of the present episode") {
  test::FakeClock clock;
  const auto r = rule(Millis(0));
  RuleAlerts alerts;
  const auto look = [&](double value) {
    REQUIRE(step(r, one(value), alerts, clock.now(), {}).has_value());
    return alerts.begin()->second;
  };
  look(5);
  look(9);
  auto alert = look(2);
  CHECK(alert.highest == 9.0);
  CHECK(alert.lowest == 2.0);
  alert = look(std::numeric_limits<double>::quiet_NaN());
  CHECK(alert.highest == 9.0);
  REQUIRE(step(r, {}, alerts, clock.now(), {}).has_value());
  CHECK(alerts.begin()->second.highest == 9.0);
  alert = look(3);
  CHECK(alert.highest == 3.0);
  CHECK(alert.lowest == 3.0);
}

TEST_CASE("a wait that nobody watched for long begins anew, and a clock set forward is no waiting") {
  test::FakeClock clock;
  const auto r = rule(Millis(60'000));
  RuleAlerts alerts;
  std::vector<Alert> changed;
  REQUIRE(step(r, one(0), alerts, clock.now(), {}).has_value());
  clock.advance(Millis(30'000));
  restart_waits(alerts, clock.now(), Millis(30'000), changed);
  CHECK(changed.empty());
  // The rule was looked at then, so that the next gap begins there.
  REQUIRE(step(r, one(0), alerts, clock.now(), {}).has_value());
  clock.advance(Millis(31'000));
  restart_waits(alerts, clock.now(), Millis(30'000), changed);
  REQUIRE(changed.size() == 1);
  CHECK(changed[0].active_at == clock.now());
  REQUIRE(step(r, one(0), alerts, clock.now(), {}).has_value());
  CHECK(alerts.begin()->second.state == AlertState::pending);

  changed.clear();
  clock.advance(Millis(40'000));
  const Millis jump{86'400'000};
  shift_waits(alerts, jump, changed);
  REQUIRE(changed.size() == 1);
  const UtcTime now = clock.now() + jump;
  REQUIRE(step(r, one(0), alerts, now, {}).has_value());
  CHECK(alerts.begin()->second.state == AlertState::pending);
  REQUIRE(step(r, one(0), alerts, now + Millis(20'000), {}).has_value());
  CHECK(alerts.begin()->second.state == AlertState::firing);
  changed.clear();
  shift_waits(alerts, jump, changed);
  CHECK(changed.empty());
}
