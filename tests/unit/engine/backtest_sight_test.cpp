#include "agent/engine/backtest_sight.hpp"

#include "agent/engine/rule_backtest.hpp"
#include "rules/promql/memory_history.hpp"
#include "rules/promql/test_series.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fake_clock.hpp"

using namespace pgtend;
using namespace pgtend::engine;

namespace {

UtcTime minute(int count) {
  return UtcTime(Millis(count * 60'000LL));
}

std::shared_ptr<const RuleSet> alert(const std::string& expr, const std::string& rest = "") {
  const auto loaded =
      load_rule_text("groups:\n- name: g\n  interval: 1m\n  rules:\n  - alert: A\n    expr: " + expr + "\n" + rest,
                     "r.yaml", Millis(60'000));
  INFO(config::format_errors(loaded.errors));
  REQUIRE(loaded.errors.empty());
  return loaded.rules;
}

// What is there from the file, with gaps that collectors left.
class Gappy final : public HistoryReader {
 public:
  Gappy(const std::string& series, const std::string& values, std::vector<Gap> gaps)
      : samples_(promql::load_test_series({{series, values, 1}}, Millis(60'000)).value()), gaps_(std::move(gaps)) {}
  Result<std::vector<SeriesData>> select(const std::vector<Matcher>& matchers, TimeRange range,
                                         std::size_t max_samples) override {
    return samples_.select(matchers, range, max_samples);
  }
  Result<std::vector<SeriesKey>> series(const std::vector<Matcher>& matchers, TimeRange range) override {
    return samples_.series(matchers, range);
  }
  Result<std::vector<ResetEvent>> resets(TimeRange range) override { return samples_.resets(range); }
  Result<std::vector<Gap>> gaps(TimeRange) override { return gaps_; }

 private:
  promql::MemoryHistory samples_;
  std::vector<Gap> gaps_;
};

BacktestOptions options() {
  BacktestOptions out;
  static test::FakeClock clock;
  out.range = {minute(0), minute(120)};
  out.eval.clock = &clock;
  out.eval.deadline = clock.steady_now() + std::chrono::seconds(1);
  out.sight.collectors = {{"x", {"tables"}}};
  return out;
}

RuleBacktest run(const RuleSet& rules, HistoryReader& history, const BacktestOptions& with) {
  const auto report = backtest_rules(rules, nullptr, history, with);
  REQUIRE(report);
  REQUIRE(report->rules.size() == 1);
  CHECK(report->rules[0].error.empty());
  return report->rules[0];
}

}  // namespace

TEST_CASE("time before history begins is no time in which anything was absent") {
  Gappy history("x", "_x59 1x90", {});
  auto with = options();
  CHECK(run(*alert("absent(x)"), history, with).episodes == 1);
  with.sight.history_from = minute(60);
  CHECK(run(*alert("absent(x)"), history, with).episodes == 0);
  CHECK(backtest_rules(*alert("absent(x)"), nullptr, history, with)->blind == Millis(60LL * 60'000));
}

TEST_CASE("where only copies are stored a rule with a short window is not tested, and others are with a word") {
  Gappy history("x", "1x200", {});
  auto with = options();
  with.sight.history_from = minute(-1000);
  with.sight.fine_from = minute(60);
  with.sight.coarse = Millis(300'000);
  const auto is_short = run(*alert("absent_over_time(x[2m]) or sum_over_time(x[2m]) > 1"), history, with);
  REQUIRE(is_short.shown.size() == 1);
  CHECK(is_short.shown[0].active_at == minute(60));
  REQUIRE(is_short.notes.size() == 1);
  CHECK(is_short.notes[0] ==
        "before 1970-01-01T01:00:00Z history holds one value per 5m, too few for [2m]: it is tested from then on");
  const auto is_long = run(*alert("sum_over_time(x[10m]) > 1"), history, with);
  CHECK(is_long.shown.at(0).active_at < minute(10));
  REQUIRE(is_long.notes.size() == 1);
  CHECK(is_long.notes[0] == "before 1970-01-01T01:00:00Z history holds one value per 5m: shorter peaks are not in it");
}

TEST_CASE("an alert of a collector that gave nothing is held, as it is live") {
  const std::vector<Gap> gaps{{"tables", "shop", {minute(20), minute(50)}, "unavailable"},
                              {"other", "", {minute(70), minute(100)}, "error"}};
  Gappy history("x", "0x9 9x9 stale _x29 9x9 0x60", gaps);
  const auto held = run(*alert("x > 5"), history, options());
  CHECK(held.episodes == 1);
  CHECK(held.shown.at(0).fired_at == minute(10));
  REQUIRE(held.notes.size() == 1);
  CHECK(held.notes[0] == "the collector tables gave nothing for 30m: alerts are held as they were");
  CHECK(run(*alert("absent(x)"), history, options()).episodes == 0);
  // Whoever reads something else sees.
  auto with = options();
  with.sight.collectors.clear();
  CHECK(run(*alert("x > 5"), history, with).episodes == 2);
  CHECK(run(*alert("absent(x)"), history, with).episodes == 1);
}

TEST_CASE("the peak is the worst value, and an episode shows the labels that its rule gives and takes") {
  Gappy history("x{a=\"1\", b=\"2\"}", "0x9 50x9 20x9 0x60", {});
  const auto above = run(*alert("x > 15", "    labels: {a: '', b: other, c: new}\n"), history, options());
  REQUIRE(above.shown.size() == 1);
  CHECK(above.shown[0].peak == 50);
  CHECK(above.shown[0].labels == Labels{{"b", "other"}, {"c", "new"}});
  Gappy low("x", "90x9 10x9 30x9 90x60", {});
  CHECK(run(*alert("x < 40"), low, options()).shown.at(0).peak == 10);
}

TEST_CASE("a rule that got another severity misses nothing of itself") {
  Gappy history("x", "0x9 9x19 0x60", {});
  const auto warning = alert("x > 5", "    labels: {severity: warning}\n");
  const auto critical = alert("x > 5", "    labels: {severity: critical, team: db}\n");
  const auto report = backtest_rules(*critical, warning.get(), history, options());
  REQUIRE(report);
  CHECK(report->changes.at(0).missed == 0);
  CHECK(report->changes.at(0).added == 0);
}

namespace {

// A clock on which every look takes so long.
class SlowClock final : public Clock {
 public:
  explicit SlowClock(Millis step) : step_(step) {}
  [[nodiscard]] UtcTime now() const override { return {}; }
  [[nodiscard]] Deadline steady_now() const override { return Deadline(step_ * ++looks_); }

 private:
  Millis step_;
  mutable std::int64_t looks_ = 0;
};

}  // namespace

TEST_CASE("what does not fit the time of one request is asked for by the next") {
  Gappy history("x", "0x9 9x19 0x60", {});
  std::string more;
  for (const auto* name : {"B", "C", "D"}) more += std::string("  - {alert: ") + name + ", expr: x > 5}\n";
  const auto rules = alert("x > 5", more);
  std::vector<std::string> names;
  auto with = options();
  std::size_t requests = 0;
  for (std::optional<std::size_t> next = 0; next; ++requests) {
    REQUIRE(requests < 9);
    const SlowClock clock(Millis(10));
    with.eval.clock = &clock;
    with.eval.deadline = Deadline(Millis(3'000));
    with.first = *next;
    const auto report = backtest_rules(*rules, nullptr, history, with);
    REQUIRE(report);
    for (const auto& one : report->rules) {
      CHECK(one.error.empty());
      CHECK(one.episodes == 1);
      names.push_back(one.rule);
    }
    next = report->next;
  }
  CHECK(requests > 1);
  CHECK(names == std::vector<std::string>{"A", "B", "C", "D"});
}
