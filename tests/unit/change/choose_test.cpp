#include <cmath>

#include "agent/change/verify/evidence.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::change;

namespace {

// One counter series with the samples of one statement.
SeriesData series(const std::string& metric, std::int64_t id, std::vector<double> values,
                  std::vector<std::size_t> epochs = {}) {
  SeriesData out;
  out.key = {metric, Labels{{"queryid", std::to_string(id)}, {"datname", "shop"}, {"usename", "app"}}};
  for (std::size_t i = 0; i < values.size(); ++i)
    out.samples.push_back({from_ms(1'000'000 + static_cast<std::int64_t>(i) * 10'000), values[i]});
  out.epoch_starts = std::move(epochs);
  return out;
}

class FixedHistory final : public HistoryReader {
 public:
  std::vector<SeriesData> all;
  Result<std::vector<SeriesData>> select(const std::vector<Matcher>& matchers, TimeRange, std::size_t) override {
    std::vector<SeriesData> out;
    for (const auto& each : all) {
      bool wanted = true;
      for (const auto& matcher : matchers) wanted = wanted && matcher.matches(each.key);
      if (wanted) out.push_back(each);
    }
    return out;
  }
  Result<std::vector<SeriesKey>> series(const std::vector<Matcher>&, TimeRange) override {
    return std::vector<SeriesKey>();
  }
  Result<std::vector<ResetEvent>> resets(TimeRange) override { return std::vector<ResetEvent>(); }
  Result<std::vector<Gap>> gaps(TimeRange) override { return std::vector<Gap>(); }
};

StatementTotals busy(double ms, double wal = 0) {
  StatementTotals out;
  out.counts.calls = 1'000;
  out.counts.exec_ms = ms;
  out.counts.wal_bytes = wal * 1'000;
  out.users = {"app"};
  return out;
}

}  // namespace

TEST_CASE("differences never cross a reset, a stale marker, a gap or a fall") {
  FixedHistory history;
  history.all.push_back(series("pgtend_statements_calls_total", 1, {100, 110, 5, 15, stale_marker(), 40, 30, 35}, {2}));
  const TimeRange range{from_ms(1'000'000), from_ms(2'000'000)};
  const auto totals = statement_totals(history, "shop", range, Millis(10'000));
  REQUIRE(totals);
  // 100→110, 5→15, 30→35; neither 110→5, nor over the marker, nor 40→30.
  CHECK(totals->at(1).counts.calls == 25);
  history.all[0].samples.back().time += Millis(600'000);
  CHECK(statement_totals(history, "shop", range, Millis(10'000))->at(1).counts.calls == 20);
}

TEST_CASE("windows hold what was counted in them, users added up and other statements left out") {
  FixedHistory history;
  history.all.push_back(series("pgtend_statements_calls_total", 1, {0, 10, 20, 30}));
  auto other_user = series("pgtend_statements_calls_total", 1, {0, 1, 2, 3});
  other_user.key.labels.set("usename", "report");
  history.all.push_back(other_user);
  history.all.push_back(series("pgtend_statements_calls_total", 11, {0, 100, 200, 300}));
  history.all.push_back(series("pgtend_statements_shared_blocks_hit_total", 1, {0, 50, 100, 150}));
  history.all.push_back(series("pgtend_statements_shared_blocks_read_total", 1, {0, 5, 10, 15}));
  history.all.push_back(series("pgtend_statements_exec_seconds_total", 1, {0, 0.5, 1, 1.5}));
  const auto windows =
      statement_windows(history, "shop", {{1}, {}, {}}, {from_ms(1'000'000), from_ms(2'000'000)}, Millis(10'000));
  REQUIRE(windows);
  REQUIRE(windows->size() == 3);
  const auto& counts = windows->front().statements.at(1);
  CHECK(counts.calls == 11);
  CHECK(counts.buffers == 55);
  CHECK(counts.exec_ms == 500);
  CHECK_FALSE(windows->front().statements.contains(11));
}

namespace {

const TimeRange kAll{from_ms(1'000'000), from_ms(2'000'000)};

// Windows of statement 1 as a target and 2 as a control, one per sample.
std::vector<StatementWindow> windows_of(FixedHistory& history) {
  auto out = statement_windows(history, "shop", {{1}, {}, {2}}, kAll, Millis(10'000));
  REQUIRE(out);
  return *out;
}

void add(FixedHistory& history, std::int64_t id, const std::vector<double>& calls, const std::vector<double>& hits,
         std::vector<std::size_t> epochs = {}) {
  history.all.push_back(series("pgtend_statements_calls_total", id, calls, epochs));
  history.all.push_back(series("pgtend_statements_shared_blocks_hit_total", id, hits, std::move(epochs)));
}

}  // namespace

TEST_CASE("a window in which the statistics were reset is marked and holds nothing") {
  FixedHistory history;
  // The counters passed what they were within the window: no value fell.
  add(history, 1, {0, 10, 20, 30, 40}, {0, 100, 200, 900, 1000}, {3});
  add(history, 2, {0, 10, 20, 30, 40}, {0, 100, 200, 300, 400}, {3});
  const auto windows = windows_of(history);
  REQUIRE(windows.size() == 4);
  CHECK(windows[2].reset);
  CHECK(windows[2].statements.empty());
  CHECK_FALSE(windows[3].reset);
  CHECK(windows[3].statements.at(1).buffers == 100);
}

TEST_CASE("one counter that fell makes the others of its statement worthless in that window") {
  FixedHistory history;
  add(history, 1, {50, 60, 70, 80}, {5000, 6000, 400, 1400});
  add(history, 2, {50, 60, 70, 80}, {5000, 6000, 7000, 8000});
  const auto windows = windows_of(history);
  REQUIRE(windows.size() == 3);
  // Not ten calls without a buffer.
  CHECK(windows[1].reset);
  CHECK(windows[0].statements.at(1).buffers == 1000);
  CHECK(windows[2].statements.at(1).buffers == 1000);
}

TEST_CASE("a control that lost its counters is left out of the window, which stands") {
  FixedHistory history;
  add(history, 1, {0, 10, 20}, {0, 100, 200});
  add(history, 2, {50, 60, 5}, {500, 600, 50});
  const auto windows = windows_of(history);
  REQUIRE(windows.size() == 2);
  CHECK_FALSE(windows[1].reset);
  CHECK(windows[1].statements.contains(1));
  CHECK_FALSE(windows[1].statements.contains(2));
}

TEST_CASE("while entries are thrown out, a young one may be another than before and costs its window") {
  FixedHistory history;
  auto evictions = series("pgtend_statements_evictions_total", 0, {3, 3, 4, 4});
  evictions.key.labels = Labels();
  add(history, 1, {20, 30, 40, 50}, {200, 300, 400, 500});
  add(history, 2, {20'000, 20'010, 20'020, 20'030}, {0, 100, 200, 300});
  CHECK_FALSE(windows_of(history)[1].reset);
  history.all.push_back(evictions);
  const auto windows = windows_of(history);
  CHECK(windows[1].reset);
  CHECK_FALSE(windows[2].reset);
  // An old one stands.
  history.all[0].samples = history.all[2].samples;
  CHECK_FALSE(windows_of(history)[1].reset);
}

TEST_CASE("the deviation of a window's calls is recovered from the deviation of all calls so far") {
  // Calls of 1, 2, 3 ms, then of 2, 4, 9 and 5 ms, as pg_stat_statements adds them up.
  FixedHistory history;
  history.all.push_back(series("pgtend_statements_calls_total", 1, {3, 7}));
  history.all.push_back(series("pgtend_statements_exec_seconds_total", 1, {0.006, 0.026}));
  history.all.push_back(
      series("pgtend_statements_exec_seconds_stddev", 1,
             {std::sqrt(2.0 / 3) / 1000, std::sqrt((14 + 126) / 7.0 - std::pow(26 / 7.0, 2)) / 1000}));
  const auto windows = windows_of(history);
  REQUIRE(windows.size() == 1);
  const auto& counts = windows[0].statements.at(1);
  CHECK(counts.exec_squares == Approx(126));
  CHECK(call_deviation(counts) == Approx(std::sqrt((9 + 1 + 16 + 0) / 4.0)));
}

TEST_CASE("statements of the changed table are targets, heavy others controls, utility and own statements neither") {
  Candidates c;
  c.target_tables = {"public.orders"};
  c.touching = {7};
  c.totals = {{1, busy(50)}, {2, busy(40, 90)}, {3, busy(30)}, {4, busy(20)},
              {5, busy(10)}, {6, busy(5)},      {7, busy(4)},  {8, busy(3)}};
  c.texts = {{1, "SELECT * FROM orders WHERE customer_id = $1"},
             {2, "update public.Orders set note = $1"},
             {3, "SELECT * FROM reorders"},
             {4, "VACUUM items"},
             {5, "/* pgtend:statements */ SELECT 1"},
             {6, "SELECT * FROM items"},
             {7, "SELECT * FROM a_view_over_it"}};
  const auto sets = choose_sets(c);
  CHECK(sets.targets == std::vector<std::int64_t>{1, 2, 7});
  CHECK(sets.writes == std::vector<std::int64_t>{2});
  CHECK(sets.controls == std::vector<std::int64_t>{3, 6, 8});
}

TEST_CASE("a role's setting is judged by the statements of that role") {
  Candidates c;
  c.role = "app";
  c.totals = {{1, busy(50)}, {2, busy(40)}};
  c.totals[2].users = {"report"};
  const auto sets = choose_sets(c);
  CHECK(sets.targets == std::vector<std::int64_t>{1});
  CHECK(sets.controls == std::vector<std::int64_t>{2});
}

TEST_CASE("what the server would do goes before what a text looks like, and what the plan names before both") {
  Candidates c;
  c.target_tables = {"public.orders"};
  c.touching = {2};
  c.named = {5};
  c.totals = {{1, busy(50)}, {2, busy(40)}, {3, busy(30)}, {4, busy(20)}, {5, busy(10)}};
  c.texts = {{1, "SELECT * FROM a_view_over_it"},
             {2, "SELECT orders FROM items"},
             {3, "SELECT * FROM orders"},
             {4, "SELECT * FROM items"},
             {5, "SELECT * FROM things"}};
  c.by_plan = {{1, true}, {2, false}, {4, false}, {5, false}};
  const auto sets = choose_sets(c);
  CHECK(sets.targets == std::vector<std::int64_t>{1, 3, 5});
  CHECK(sets.controls == std::vector<std::int64_t>{2, 4});
}
