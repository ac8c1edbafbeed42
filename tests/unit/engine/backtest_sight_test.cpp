#include "tests/unit/engine/backtest_rig.hpp"

using namespace pgtend;
using namespace pgtend::engine;
using namespace pgtend::test;

namespace {

// One series, a sample each minute.
promql::MemoryHistory one(const std::string& series, const std::string& values) {
  return promql::load_test_series({{series, values, 1}}, Millis(60'000)).value();
}

}  // namespace

TEST_CASE("time before history begins is no time in which anything was absent") {
  auto history = one("x", "_x59 1x90");
  auto with = options();
  CHECK(run(*rules("absent(x)"), history, with).episodes == 1);
  with.sight.history_from = minute(60);
  CHECK(run(*rules("absent(x)"), history, with).episodes == 0);
  CHECK(backtest_rules(*rules("absent(x)"), nullptr, history, with)->blind == Millis(60LL * 60'000));
}

TEST_CASE("where only copies are stored a rule with a short window is not tested, and others are with a word") {
  auto history = one("x", "1x200");
  auto with = options();
  with.sight.history_from = minute(-1000);
  with.sight.fine_from = minute(60);
  with.sight.coarse = Millis(300'000);
  const auto is_short = run(*rules("absent_over_time(x[2m]) or sum_over_time(x[2m]) > 1"), history, with);
  REQUIRE(is_short.shown.size() == 1);
  CHECK(is_short.shown[0].active_at == minute(60));
  REQUIRE(is_short.notes.size() == 1);
  CHECK(is_short.notes[0] ==
        "before 1970-01-01T01:00:00Z history holds one value per 5m, too few for [2m]: it is tested from then on");
  const auto is_long = run(*rules("sum_over_time(x[10m]) > 1"), history, with);
  CHECK(is_long.shown.at(0).active_at < minute(10));
  REQUIRE(is_long.notes.size() == 1);
  CHECK(is_long.notes[0] == "before 1970-01-01T01:00:00Z history holds one value per 5m: shorter peaks are not in it");
}

TEST_CASE("an alert of a collector that gave nothing is held, as it is live") {
  const std::vector<Gap> gaps{{"tables", "shop", {minute(20), minute(50)}, "unavailable"},
                              {"other", "", {minute(70), minute(100)}, "error"}};
  auto history = one("x", "0x9 9x9 stale _x29 9x9 0x60");
  for (const auto& gap : gaps) history.add_gap(gap);
  auto with = options();
  with.sight.collectors = {{"x", {"tables"}}};
  const auto held = run(*rules("x > 5"), history, with);
  CHECK(held.episodes == 1);
  CHECK(held.shown.at(0).fired_at == minute(10));
  REQUIRE(held.notes.size() == 1);
  CHECK(held.notes[0] == "the collector tables gave nothing for 30m: alerts are held as they were");
  CHECK(run(*rules("absent(x)"), history, with).episodes == 0);
  // Whoever reads something else sees.
  with.sight.collectors.clear();
  CHECK(run(*rules("x > 5"), history, with).episodes == 2);
  CHECK(run(*rules("absent(x)"), history, with).episodes == 1);
}

TEST_CASE("the peak is the worst value, and an episode shows the labels that its rule gives and takes") {
  auto history = one("x{a=\"1\", b=\"2\"}", "0x9 50x9 20x9 0x60");
  const auto above = run(*rules("x > 15", "    labels: {a: '', b: other, c: new}\n"), history, options());
  REQUIRE(above.shown.size() == 1);
  CHECK(above.shown[0].peak == 50);
  CHECK(above.shown[0].labels == Labels{{"b", "other"}, {"c", "new"}});
  auto low = one("x", "90x9 10x9 30x9 90x60");
  CHECK(run(*rules("x < 40"), low, options()).shown.at(0).peak == 10);
}

TEST_CASE("a rule that got another severity misses nothing of itself") {
  auto history = one("x", "0x9 9x19 0x60");
  const auto warning = rules("x > 5", "    labels: {severity: warning}\n");
  const auto critical = rules("x > 5", "    labels: {severity: critical, team: db}\n");
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
  auto history = one("x", "0x9 9x19 0x60");
  std::string more;
  for (const auto* name : {"B", "C", "D"}) more += std::string("  - {alert: ") + name + ", expr: x > 5}\n";
  const auto all = rules("x > 5", more);
  std::vector<std::string> names;
  auto with = options();
  std::size_t requests = 0;
  for (std::optional<std::size_t> next = 0; next; ++requests) {
    REQUIRE(requests < 9);
    const SlowClock clock(Millis(10));
    with.eval.clock = &clock;
    with.eval.deadline = Deadline(Millis(3'000));
    with.first = *next;
    const auto report = backtest_rules(*all, nullptr, history, with);
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
