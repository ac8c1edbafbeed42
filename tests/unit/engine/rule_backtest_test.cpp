#include "agent/engine/backtest_episodes.hpp"
#include "agent/engine/rule_explain.hpp"
#include "tests/unit/engine/backtest_rig.hpp"

using namespace pgtend;
using namespace pgtend::engine;
using namespace pgtend::test;

namespace {

// x is 0 but for minutes 10-29 (100), 40-42 (90), 50-69 (60), 72-80 (95).
promql::MemoryHistory scene() {
  const auto values = "0x9 100x19 0x9 90x2 0x6 60x19 0x1 95x8 0x50";
  return promql::load_test_series({{"x{db=\"shop\"}", values, 1}}, Millis(60'000)).value();
}

const RuleVariation& with(const RuleBacktest& rule, const std::string& what) {
  const auto found =
      std::find_if(rule.sweep.begin(), rule.sweep.end(), [&](const auto& one) { return one.what == what; });
  INFO(what);
  REQUIRE(found != rule.sweep.end());
  return *found;
}

}  // namespace

TEST_CASE("a backtest tells episodes, near misses, time firing and what was said") {
  auto history = scene();
  const auto set = rules("x > 80", "    for: 5m\n    annotations: {summary: 'db {{ $labels.db }} at {{ $value }}'}\n");
  const auto rule = run(*set, history);
  CHECK(rule.episodes == 2);
  CHECK(rule.near_misses == 1);
  CHECK(rule.longest_near_miss == Millis(3 * 60'000));
  REQUIRE(rule.shown.size() == 2);
  CHECK(rule.shown[0].active_at == minute(10));
  CHECK(rule.shown[0].fired_at == minute(15));
  CHECK(rule.shown[0].ended_at == minute(30));
  CHECK(rule.shown[0].peak == 100);
  CHECK(rule.shown[1].fired_at == minute(77));
  CHECK(rule.firing == Millis((15 + 4) * 60'000));
  CHECK(rule.message.starts_with("[WARN] : db shop at 100 for 5m\n"));
  CHECK_THAT(rule.message, ContainsSubstring("\n  Value 100, alerts at > 80\n"));
  CHECK_THAT(rule.message, ContainsSubstring("Look: pgtend alerts explain "));
  // Fired and resolved, twice.
  CHECK(rule.notifications == 4);
  CHECK(with(rule, "for 0s").episodes == 3);
  CHECK(with(rule, "for 10m").episodes == 1);
  CHECK(with(rule, "threshold 40").episodes == 3);
  CHECK(with(rule, "threshold 100").episodes == 0);
  CHECK(with(rule, "threshold 160").firing == Millis(0));
}

TEST_CASE("a backtest waits through tolerated gaps and ends an alert where its own expression for that says so") {
  auto history = scene();
  const auto waits = rules("x > 50", "    for: 12m\n    annotations: {pgtend_tolerate_gaps: '3'}\n");
  const auto waited = run(*waits, history);
  REQUIRE(waited.episodes == 2);
  CHECK(waited.shown[1].fired_at == minute(62));
  CHECK(waited.shown[1].ended_at == minute(70));  // gaps are for what waits
  // Without, it begins anew after the minutes 70 and 71.
  CHECK(run(*rules("x > 50", "    for: 21m\n"), history).episodes == 0);
  const auto long_wait = rules("x > 50", "    for: 21m\n    annotations: {pgtend_tolerate_gaps: '3'}\n");
  CHECK(run(*long_wait, history).episodes == 1);

  // Between 50 and 80 it neither begins nor ends.
  const auto latched = rules("x > 80", "    annotations: {pgtend_resolve_expr: 'x < 50'}\n");
  const auto ends = run(*latched, history);
  REQUIRE(ends.episodes == 3);
  CHECK(ends.shown[0].ended_at == minute(30));
  CHECK(ends.shown[2].fired_at == minute(72));
  const auto wide = run(*rules("x > 80", "    annotations: {pgtend_resolve_expr: 'x > 70 and x < 80'}\n"), history);
  REQUIRE(wide.episodes == 1);
  CHECK(wide.shown[0].fired_at == minute(10));
  CHECK(wide.shown[0].ended_at == minute(120));
}

TEST_CASE("a threshold below and/unless is swept, one that is no number is not") {
  auto history = scene();
  CHECK(with(run(*rules("(x > 80) and on (db) x"), history), "threshold 160").episodes == 0);
  for (const auto& one : run(*rules("x > x offset 5m"), history).sweep) CHECK(one.what.starts_with("for "));
}

TEST_CASE("rules that are tried out read what they record themselves, though history has none of it") {
  auto history = scene();
  const auto chained = load_rule_text(
      "groups:\n- name: g\n  interval: 1m\n  rules:\n"
      "  - {record: 'some:x', expr: x > 80, labels: {of: test}}\n"
      "  - {record: 'twice:x', expr: 2 * some:x}\n"
      "  - {alert: A, expr: 'twice:x{of=\"test\"} > 170', for: 5m}\n",
      "rules.yaml", Millis(60'000));
  REQUIRE(chained.errors.empty());
  CHECK(backtest_rules(*chained.rules, nullptr, history, options())->rules.at(0).episodes == 0);
  auto trying = options();
  trying.computes_records = true;
  const auto report = backtest_rules(*chained.rules, nullptr, history, trying);
  REQUIRE(report);
  // As "x > 80" for five minutes: what is not recorded any more has ended, whatever the lookback.
  REQUIRE(report->rules.at(0).shown.size() == 2);
  CHECK(report->rules[0].shown[0].fired_at == minute(15));
  CHECK(report->rules[0].shown[0].ended_at == minute(30));
  trying.eval.max_samples = 20;
  CHECK_THAT(backtest_rules(*chained.rules, nullptr, history, trying).error().describe(),
             ContainsSubstring("record some:x"));
}

TEST_CASE("two versions of a rule are compared by the episodes that one sees and the other does not") {
  auto history = scene();
  const auto before = rules("x > 50", "    for: 2m\n"), now = rules("x > 97", "    for: 2m\n");
  const auto report = backtest_rules(*now, before.get(), history, options());
  REQUIRE(report);
  REQUIRE(report->changes.size() == 1);
  CHECK(report->changes[0].old_episodes == 4);
  CHECK(report->changes[0].new_episodes == 1);
  CHECK(report->changes[0].missed == 3);
  CHECK(report->changes[0].added == 0);
}

TEST_CASE("episodes of another label, of another tier and of an alert that is gone are missed") {
  auto history = promql::load_test_series(
                     {{"x{db=\"shop\"}", "0x9 9x20 0x30", 1}, {"x{db=\"crm\"}", "0x9 9x20 0x30", 1}}, Millis(60'000))
                     .value();
  const auto change = [&](const std::shared_ptr<const RuleSet>& now, const std::shared_ptr<const RuleSet>& before) {
    const auto report = backtest_rules(*now, before.get(), history, options());
    REQUIRE(report);
    REQUIRE(report->changes.size() == 1);
    return report->changes[0];
  };
  const auto all = rules("x > 5"), shop = rules("'x{db=\"shop\"} > 5'");
  CHECK(change(shop, all).missed == 1);
  CHECK(change(all, shop).missed == 0);
  CHECK(change(all, shop).added == 1);
  // What is added up has none of the labels that differ.
  CHECK(change(rules("sum(x) > 5"), all).missed == 0);
  const std::string warning = "    labels: {severity: warning}\n";
  const auto tiers = rules("x > 5", warning + "  - alert: A\n    expr: x > 8\n    labels: {severity: critical}\n");
  const auto one = change(rules("x > 5", warning), tiers);
  CHECK(one.old_episodes == 4);
  CHECK(one.missed == 2);
  CHECK(one.old_notifications == 2 * one.new_notifications);
  const auto both = rules("x > 5", "  - alert: B\n    expr: x > 8\n");
  const auto report = backtest_rules(*all, both.get(), history, options());
  REQUIRE(report);
  REQUIRE(report->changes.size() == 2);
  CHECK(report->changes[1].rule == "B");
  CHECK(report->changes[1].missed == 2);
}

TEST_CASE("what is kept firing is kept to the next evaluation") {
  auto history = promql::load_test_series({{"x", "1 1 0 0 1 0x20", 1}}, Millis(60'000)).value();
  const auto kept = run(*rules("x > 0", "    for: 1m\n    keep_firing_for: 90s\n"), history);
  REQUIRE(kept.episodes == 1);
  CHECK(kept.near_misses == 0);
  CHECK(kept.shown[0].ended_at == minute(7));
}

TEST_CASE("an alert whose expanded labels change is another one, that waits anew and is told on its own") {
  auto history = promql::load_test_series({{"x{db=\"shop\"}", "0+1x30 0x60", 1}}, Millis(60'000)).value();
  const auto each = run(*rules("x > 5", "    for: 1m\n    labels: {v: '{{ $value }}'}\n"), history);
  CHECK(each.episodes == 0);
  CHECK(each.near_misses == 25);
  CHECK(with(each, "for 0s").episodes == 25);
  CHECK(with(each, "threshold 10").episodes == 0);
  const std::string severity =
      "    labels: {severity: '{{ if gt $value 14.0 }}critical{{ else }}warning{{ end }}'}\n"
      "    annotations: {summary: 'at {{ $value }}'}\n";
  const auto two = run(*rules("x > 5", "    for: 5m\n" + severity), history);
  REQUIRE(two.shown.size() == 2);
  CHECK(two.shown[0].labels.get("severity") == "warning");
  CHECK(two.shown[0].fired_at == minute(11));
  CHECK(two.shown[0].ended_at == minute(15));
  CHECK(two.shown[1].labels.get("severity") == "critical");
  CHECK(two.shown[1].active_at == minute(15));
  CHECK(two.shown[1].fired_at == minute(20));
  CHECK(two.shown[1].peak == 30);
  // Said with the value at which it fired.
  CHECK(two.message.starts_with("[WARN] : at 11 for 5m\n"));
  CHECK_THAT(two.message, ContainsSubstring("\n  Value 11, alerts at > 5\n"));
  CHECK(with(two, "for 10m").episodes == 1);
  const auto keeping = run(*rules("x > 5", "    for: 5m\n    keep_firing_for: 10m\n" + severity), history);
  CHECK(keeping.shown.at(0).ended_at == minute(25));
  CHECK(keeping.firing == Millis(30LL * 60'000));
}

TEST_CASE("an alert is one with the same labels, whichever series it is about, and two at once are refused") {
  auto history = promql::load_test_series({{"x{db=\"a\"}", "9x10 stale", 1}, {"x{db=\"b\"}", "_x11 9x20 stale", 2}},
                                          Millis(60'000))
                     .value();
  const auto as_one = "    for: 15m\n    labels: {db: any, was: '{{ $labels.db }}'}\n";
  auto rule = run(*rules("x > 5", "    for: 15m\n    labels: {db: '{{ if true }}any{{ end }}'}\n"), history);
  REQUIRE(rule.shown.size() == 1);
  CHECK(rule.shown[0].active_at == minute(0));
  CHECK(rule.shown[0].labels.get("db") == "any");
  CHECK(run(*rules("x > 5", as_one), history).shown.at(0).labels.get("was") == "b");
  const auto both = run(*rules("x > 5 or x offset 5m > 5", "    labels: {db: any}\n"), history);
  REQUIRE(both.notes.size() == 1);
  CHECK_THAT(both.notes[0], ContainsSubstring("same labelset after applying alert labels"));
}

TEST_CASE("the life cycle keeps firing for a while, holds over blind stretches, and counts flaps") {
  const Labels labels{{"a", "1"}};
  const auto at = [](std::initializer_list<double> minutes) {
    std::vector<Moment> out;
    for (const double one : minutes) out.push_back({{minute(one), 1}, 0});
    return out;
  };
  const LifeTimes plain{Millis(60'000), Millis(60'000), Millis(0)};
  const ActiveTimes active{{labels}, {{labels, at({1, 2, 3, 10, 11, 12})}}};
  const auto twice = episodes_of(active, plain, {}, minute(60));
  CHECK(twice.fired.size() == 2);
  CHECK(twice.flaps == 1);
  CHECK(twice.fired[0].told.ended_at == minute(4));
  auto keeping = plain;
  keeping.keep = Millis(8 * 60'000);
  const auto kept = episodes_of(active, keeping, {}, minute(60));
  REQUIRE(kept.fired.size() == 1);
  CHECK(kept.fired[0].told.ended_at == minute(21));
  const TimeRange gap{minute(4), minute(9)};
  const auto held = episodes_of(active, plain, std::span(&gap, 1), minute(60));
  REQUIRE(held.fired.size() == 1);
  CHECK(held.fired[0].told.fired_at == minute(2));
  // What the rule would have given then was seen by nobody.
  const ActiveTimes unseen{{labels}, {{labels, at({5, 6, 7, 8})}}};
  CHECK(episodes_of(unseen, plain, {}, minute(60)).fired.size() == 1);
  CHECK(episodes_of(unseen, plain, std::span(&gap, 1), minute(60)).fired.empty());
  const auto open = episodes_of(active, plain, {}, minute(12));
  CHECK_FALSE(open.fired.back().told.ended);
}

TEST_CASE("an evaluation that tells nothing leaves an alert as it is, and long darkness begins the wait anew") {
  const Labels labels{{"a", "1"}};
  ActiveTimes active{{labels}, {{labels, {}}}, {}, {minute(3), minute(4)}};
  for (const double one : {1, 2, 5, 6}) active.alerts[labels].push_back({{minute(one), 1}, 0});
  LifeTimes times{Millis(60'000), Millis(4 * 60'000)};
  const auto whole = episodes_of(active, times, {}, minute(60));
  REQUIRE(whole.fired.size() == 1);
  CHECK(whole.fired[0].told.active_at == minute(1));
  CHECK(whole.fired[0].told.fired_at == minute(5));
  CHECK(whole.near_misses == 0);
  active.unknown.clear();
  CHECK(episodes_of(active, times, {}, minute(60)).near_misses == 2);

  const TimeRange gap{minute(2), minute(5)};
  CHECK(episodes_of(active, times, std::span(&gap, 1), minute(60)).fired.size() == 1);
  times.outage_tolerance = Millis(2 * 60'000);
  CHECK(episodes_of(active, times, std::span(&gap, 1), minute(60)).fired.empty());
}

namespace {

RuleBacktest run_group(const std::string& group, const std::string& expr, HistoryReader& history) {
  const auto loaded =
      load_rule_text("groups:\n- name: g\n  interval: 1m\n" + group + "  rules: [{alert: A, expr: '" + expr + "'}]\n",
                     "rules.yaml", Millis(60'000));
  INFO(config::format_errors(loaded.errors));
  REQUIRE(loaded.errors.empty());
  return run(*loaded.rules, history);
}

}  // namespace

TEST_CASE("a backtest follows the group's limit and offset, and knows at each moment what was known then") {
  auto history = scene();
  CHECK(run_group("", "x > 96", history).shown.at(0).fired_at == minute(10));
  CHECK(run_group("  query_offset: 5m\n", "x > 96", history).shown.at(0).fired_at == minute(15));
  // Five minutes ahead, where the last sample known is the present one.
  CHECK(run_group("", "x offset -4m > 96", history).shown.at(0).fired_at == minute(10));
  CHECK(run_group("", "x @ end() > 96", history).shown.at(0).fired_at == minute(10));
  CHECK(run_group("", "max_over_time(x[1m] @ start()) > 96", history).shown.at(0).fired_at == minute(10));

  auto two =
      promql::load_test_series({{"x{a=\"1\"}", "0x9 9x40", 1}, {"x{a=\"2\"}", "0x19 9x9 0x20", 2}}, Millis(60'000))
          .value();
  CHECK(run_group("", "x > 5", two).episodes == 2);
  const auto limited = run_group("  limit: 1\n", "x > 5", two);
  REQUIRE(limited.episodes == 1);
  CHECK(limited.shown[0].labels == Labels{{"a", "1"}});
  CHECK(limited.firing == run_group("", "x > 5", two).firing);
}

TEST_CASE("a backtest says which selectors found nothing to look at") {
  auto history = scene();
  CHECK(run_group("", "x > 96", history).notes.empty());
  const auto notes =
      run_group("", "x > 96 unless on() (rate(gone[5m]) or x{db=\"no\"} or gone offset 1h)", history).notes;
  REQUIRE(notes.size() == 2);
  CHECK_THAT(notes[0], ContainsSubstring("no sample of gone in"));
  CHECK_THAT(notes[1], ContainsSubstring("no sample of x{db=\"no\"} in"));
}

TEST_CASE("an alert that cannot be evaluated says so and the others go on") {
  auto history =
      promql::load_test_series({{"x{a=\"1\"}", "1x200", 1}, {"x{a=\"2\"}", "1x200", 2}}, Millis(60'000)).value();
  const auto set = rules("x + on () x > 1", "  - alert: B\n    expr: x > 0\n");
  const auto report = backtest_rules(*set, nullptr, history, options());
  REQUIRE(report);
  REQUIRE(report->rules.size() == 2);
  CHECK_THAT(report->rules[0].error, ContainsSubstring("duplicate series"));
  CHECK(report->rules[1].episodes == 2);
  auto named = options();
  named.rule = "B";
  CHECK(backtest_rules(*set, nullptr, history, named)->rules.size() == 1);
  named.rule = "C";
  CHECK(backtest_rules(*set, nullptr, history, named).error().code == Errc::invalid_argument);
}

TEST_CASE("explain gives every part its value, and errors in their place") {
  auto history = scene();
  const auto expr = promql::parse("sum by (db) (rate(x[5m])) / 2 > (x + on () group_left y) and x");
  REQUIRE(expr);
  promql::EvalOptions eval;
  const auto parts = explain_expression(**expr, history, minute(12), eval);
  std::vector<std::string> texts;
  for (const auto& part : parts) texts.push_back(std::string(static_cast<std::size_t>(part.depth), '.') + part.text);
  REQUIRE(texts.size() == 10);
  CHECK(texts[1] == ".sum by (db) (rate(x[5m])) / 2 > (x + on () group_left () y)");
  CHECK(texts[5] == ".....x[5m]");
  CHECK(parts[5].type == "range vector");
  CHECK(parts[5].top.at(0).samples.at(0).value == 100);
  CHECK(texts[9] == ".x");
  CHECK(parts[9].series == 1);
  CHECK(parts[9].top.at(0).key.name == "x");
}
