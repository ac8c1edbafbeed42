#include "agent/engine/rule_triggers.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/fake_clock.hpp"

using namespace pgtend;
using namespace pgtend::engine;

namespace {

constexpr const char* kRules = R"(groups:
- name: server
  rules:
  - alert: Down
    expr: pg_up == 0
  - record: job:up
    expr: sum(pg_up)
  - alert: Slow
    expr: lag_seconds > 5 and on() pg_up == 1
    for: 10s
- name: late
  query_offset: 1m
  rules:
  - alert: DownLate
    expr: pg_up == 0
- name: other
  rules:
  - alert: Full
    expr: disk_ratio > 0.9
)";

using Round = std::map<std::size_t, std::set<std::size_t>>;

RuleTriggers triggers(double cpu_ratio = 1) {
  const auto loaded = load_rule_text(kRules, "rules.yaml", Millis(15'000));
  REQUIRE(loaded.errors.empty());
  RuleTriggers out;
  out.set_rules(*loaded.rules);
  out.set_budget(cpu_ratio);
  return out;
}

SnapshotPtr samples(const std::vector<std::string>& metrics, double value, std::uint64_t epoch = 0) {
  auto out = std::make_shared<Snapshot>();
  for (const auto& metric : metrics) out->samples.push_back({{metric, Labels{}}, value, MetricKind::gauge, epoch});
  return out;
}

// Of values that no run before had.
SnapshotPtr samples(const std::vector<std::string>& metrics) {
  static double value = 0;
  return samples(metrics, ++value);
}

}  // namespace

TEST_CASE("samples make the alert rules due that read them, at once, and no others") {
  test::FakeClock clock;
  auto rules = triggers();
  CHECK_FALSE(rules.due());
  rules.sampled(samples({"nobody_reads_this"}), clock.steady_now());
  CHECK_FALSE(rules.due());
  rules.sampled(samples({"pg_up", "pg_up", "nobody_reads_this"}), clock.steady_now());
  REQUIRE(rules.due() == clock.steady_now());
  // Not the recording rule, and not the one whose query looks a minute back.
  CHECK(rules.take(clock.steady_now()) == Round{{0, {0, 2}}});
  CHECK_FALSE(rules.due());
  clock.advance(Millis(10'000));
  rules.sampled(samples({"disk_ratio"}), clock.steady_now());
  CHECK(rules.take(clock.steady_now()) == Round{{2, {0}}});
}

TEST_CASE("samples that are those of the run before make no rule due") {
  test::FakeClock clock;
  auto rules = triggers();
  const auto round_of = [&](const SnapshotPtr& snapshot) {
    clock.advance(Millis(10'000));
    rules.sampled(snapshot, clock.steady_now());
    return rules.take(clock.steady_now());
  };
  CHECK(round_of(samples({"pg_up", "disk_ratio"}, 1)) == Round{{0, {0, 2}}, {2, {0}}});
  CHECK(round_of(samples({"pg_up", "disk_ratio"}, 1)).empty());
  auto one_other = std::make_shared<Snapshot>(*samples({"pg_up", "disk_ratio"}, 1));
  one_other->samples[1].value = 2;
  CHECK(round_of(one_other) == Round{{2, {0}}});
  // A counter that began anew, a series that is gone, and one that is back.
  CHECK(round_of(samples({"disk_ratio"}, 2)) == Round{{2, {0}}});
  CHECK(round_of(samples({"disk_ratio"}, 2, 7)) == Round{{2, {0}}});
  CHECK(round_of(samples({}, 0)).empty());
  CHECK(round_of(samples({"disk_ratio"}, 2, 7)) == Round{{2, {0}}});
  auto elsewhere = std::make_shared<Snapshot>(*samples({"disk_ratio"}, 2, 7));
  elsewhere->database = "shop";
  CHECK(round_of(elsewhere) == Round{{2, {0}}});
}

TEST_CASE("samples that come close together share one round") {
  test::FakeClock clock;
  auto rules = triggers();
  rules.sampled(samples({"pg_up"}), clock.steady_now());
  REQUIRE_FALSE(rules.take(clock.steady_now()).empty());
  const auto first = clock.steady_now();
  int rounds = 0;
  Round last;
  // A hundred samples within a second.
  for (int i = 0; i < 100; ++i) {
    clock.advance(Millis(10));
    rules.sampled(samples({i % 2 == 0 ? "lag_seconds" : "disk_ratio"}), clock.steady_now());
    if (auto round = rules.take(clock.steady_now()); !round.empty()) {
      ++rounds;
      last = round;
      CHECK(clock.steady_now() - first <= Millis(500) * rounds);
    }
  }
  CHECK(rounds == 2);
  CHECK(last == Round{{0, {2}}, {2, {0}}});
}

TEST_CASE("a rule is due when its alert has waited for `for`, whatever was just looked at") {
  test::FakeClock clock;
  auto rules = triggers();
  const auto ripe = clock.steady_now() + Millis(10'001);
  rules.ripens({0, 2}, ripe);
  CHECK(rules.due() == ripe);
  clock.advance(Millis(10'000));
  rules.sampled(samples({"disk_ratio"}), clock.steady_now());
  CHECK(rules.take(clock.steady_now()) == Round{{2, {0}}});
  CHECK(rules.due() == ripe);
  clock.advance(Millis(1));
  CHECK(rules.take(clock.steady_now()) == Round{{0, {2}}});
  CHECK_FALSE(rules.due());
  // It no longer waits.
  rules.ripens({0, 2}, clock.steady_now() + Millis(5));
  rules.ripens({0, 2}, std::nullopt);
  CHECK_FALSE(rules.due());
}

TEST_CASE("the end of a `for` does not hold up the samples that come behind it") {
  test::FakeClock clock;
  auto rules = triggers();
  rules.ripens({0, 2}, clock.steady_now());
  CHECK(rules.take(clock.steady_now()) == Round{{0, {2}}});
  clock.advance(Millis(1));
  rules.sampled(samples({"pg_up"}), clock.steady_now());
  CHECK(rules.due() == clock.steady_now());
  CHECK(rules.take(clock.steady_now()) == Round{{0, {0, 2}}});
}

TEST_CASE("a group that is looked at in its turn needs no round, and a new set of rules none of the old") {
  test::FakeClock clock;
  auto rules = triggers();
  rules.sampled(samples({"pg_up", "disk_ratio"}), clock.steady_now());
  rules.ripens({0, 2}, clock.steady_now() + Millis(5));
  rules.took_group(0);
  CHECK(rules.take(clock.steady_now()) == Round{{2, {0}}});
  CHECK_FALSE(rules.due());
  rules.sampled(samples({"pg_up"}), clock.steady_now());
  rules.ripens({0, 2}, clock.steady_now());
  rules.set_rules(RuleSet());
  CHECK_FALSE(rules.due());
}

TEST_CASE("rounds cost no more than half of the agent's budget over time") {
  test::FakeClock clock;
  constexpr double kBudget = 0.01;
  auto rules = triggers(kBudget);
  const auto began = clock.steady_now();
  double spent = 0;
  int rounds = 0;
  while (clock.steady_now() - began < std::chrono::hours(1)) {
    clock.advance(Millis(100));
    rules.sampled(samples({"pg_up"}), clock.steady_now());
    if (rules.take(clock.steady_now()).empty()) continue;
    ++rounds;
    spent += 0.05;
    rules.spent(clock.steady_now(), std::chrono::milliseconds(50));
    REQUIRE(rules.due().value_or(Deadline::min()) < clock.steady_now() + std::chrono::seconds(20));
  }
  const double hour = 3600 * kBudget * 0.5;
  // A minute's worth may be spent at once.
  CHECK(spent <= hour + 60 * kBudget * 0.5 + 0.05);
  CHECK(spent >= hour);
  CHECK(rounds > 10);
}

TEST_CASE("what a group recorded makes no round for the group itself, which has just read it") {
  test::FakeClock clock;
  auto rules = triggers();
  rules.sampled(samples({"pg_up", "disk_ratio"}), clock.steady_now(), 0);
  CHECK(rules.take(clock.steady_now()) == Round{{2, {0}}});
}

TEST_CASE("a rule that reads what rules make, beside samples, keeps its turn: both are of one moment only then") {
  const auto loaded = load_rule_text(R"(groups:
- name: makes
  rules:
  - {record: 'job:up', expr: sum(pg_up)}
  - {alert: Mixed, expr: 'pg_up - on () job:up > 0', for: 10s}
  - {alert: Own, expr: 'job:up > 15', for: 10s}
  - {alert: Unless, expr: 'pg_up > 15 unless on () ALERTS{alertname="Own"}'}
  - {alert: Pattern, expr: '{__name__=~"job:.*", x="y"} > 0 and on () pg_up'}
  - {alert: Resolved, expr: 'pg_up > 15', annotations: {pgtend_resolve_expr: 'pg_up > on () job:up'}}
  - {alert: Plain, expr: 'pg_up == 0'}
- name: reads
  rules:
  - {alert: Other, expr: 'job:up > 15', for: 10s}
  - {alert: OtherMixed, expr: 'pg_up > on () job:up'}
  - {alert: Chained, expr: 'ALERTS{alertname="Own"} == 1'}
)",
                                     "rules.yaml", Millis(15'000));
  REQUIRE(loaded.errors.empty());
  RuleTriggers rules;
  rules.set_rules(*loaded.rules);
  rules.set_budget(1);
  test::FakeClock clock;
  rules.sampled(samples({"pg_up"}), clock.steady_now());
  CHECK(rules.take(clock.steady_now()) == Round{{0, {6}}});
  clock.advance(Millis(1'000));
  rules.sampled(samples({"job:up", "ALERTS"}), clock.steady_now(), 0);
  CHECK(rules.take(clock.steady_now()) == Round{{1, {0, 2}}});
  for (std::size_t rule = 1; rule < 7; ++rule) rules.ripens({0, rule}, clock.steady_now());
  rules.ripens({1, 0}, clock.steady_now());
  CHECK(rules.take(clock.steady_now()) == Round{{0, {6}}, {1, {0}}});
}
