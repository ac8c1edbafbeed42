#include "rules/promql/evaluator.hpp"

#include "agent/base/strings.hpp"
#include "rules/promql/memory_history.hpp"
#include "rules/promql/test_series.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fake_clock.hpp"

using namespace pgtend;
using namespace pgtend::promql;

namespace {

constexpr Millis kMinute{60'000};
UtcTime minutes(double count) {
  return from_ms(static_cast<std::int64_t>(count * 60'000));
}

MemoryHistory history_of(const std::vector<std::pair<std::string, std::string>>& series) {
  std::vector<RuleTestSeries> input;
  for (const auto& [key, values] : series) input.push_back({key, values, 0});
  return load_test_series(input, kMinute).value();
}

// The one value of an instant query; "empty" and errors as text.
std::string text_of(std::string_view expr, HistoryReader& history, UtcTime at, const EvalOptions& options = {}) {
  const auto parsed = parse(expr);
  if (!parsed) return parsed.error().message;
  const auto value = evaluate(**parsed, history, at, options);
  return value ? to_string(*value) : std::string(to_string(value.error().code)) + ": " + value.error().message;
}

}  // namespace

TEST_CASE("ranges and lookback leave the left edge out by default and keep it in 2.x mode") {
  auto history = history_of({{"x", "1 2 3 4 5 6"}});
  EvalOptions closed;
  closed.left_open = false;
  CHECK(text_of("count_over_time(x[2m])", history, minutes(5)) == "{} => 2 @[300]");
  CHECK(text_of("count_over_time(x[2m])", history, minutes(5), closed) == "{} => 3 @[300]");
  CHECK(text_of("increase(x[1m])", history, minutes(5)).empty());
  CHECK(text_of("increase(x[1m])", history, minutes(5), closed) == "{} => 1 @[300]");
  CHECK(text_of("x", history, minutes(10)).empty());
  CHECK(text_of("x", history, minutes(10), closed) == "x => 6 @[600]");
  CHECK(text_of("x", history, minutes(9.99)) == "x => 6 @[599.4]");
  CHECK(text_of("count_over_time(vector(1)[3m:1m])", history, minutes(5)) == "{} => 3 @[300]");
  CHECK(text_of("count_over_time(vector(1)[3m:1m])", history, minutes(5), closed) == "{} => 4 @[300]");
}

TEST_CASE("what is sampled more seldom than the lookback is looked for further back") {
  auto history = history_of({{"hourly{i=\"1\"}", "7"}, {"hourly{i=\"2\"}", "8 stale"}, {"often", "1"}});
  EvalOptions options;
  options.lookbacks = std::make_shared<const Lookbacks>(Lookbacks{{"hourly", kMinute * 180}, {"often", kMinute}});
  CHECK(text_of("hourly", history, minutes(179), options) == "hourly{i=\"1\"} => 7 @[10740]");
  CHECK(text_of("hourly", history, minutes(180), options).empty());
  CHECK(text_of("hourly offset 1h", history, minutes(239), options) == "hourly{i=\"1\"} => 7 @[14340]");
  CHECK(text_of("hourly", history, minutes(179)).empty());
  // It is never shorter than what holds for all.
  CHECK(text_of("often", history, minutes(4), options) == "often => 1 @[240]");
  CHECK(text_of("often", history, minutes(6), options).empty());
  // A selector of several metrics looks back for each as far as for it alone.
  CHECK(text_of("count by (__name__) ({__name__=~\"hourly|often\"})", history, minutes(6), options) ==
        "hourly => 1 @[360]");
  CHECK(text_of("sum({i=\"1\"})", history, minutes(100), options) == "{} => 7 @[6000]");
  CHECK(text_of("sum({__name__!=\"hourly\",i=\"1\"})", history, minutes(100), options).empty());
  CHECK(text_of("timestamp(hourly)", history, minutes(60), options) == "{i=\"1\"} => 0 @[3600]");

  const auto expr = parse("count(hourly)");
  const auto matrix = evaluate_range(**expr, history, minutes(0), minutes(300), kMinute * 10, options);
  REQUIRE((matrix && matrix->size() == 1));
  CHECK(matrix->front().samples.size() == 18);
}

TEST_CASE("values print as promtool query prints them") {
  auto history = history_of({{"x{b=\"2\",a=\"1\"}", "1 0.5 1e21"}});
  CHECK(text_of("1.5", history, minutes(1)) == "scalar: 1.5 @[60]");
  CHECK(text_of("\"hi\"", history, minutes(1)) == "hi");
  CHECK(text_of("x", history, minutes(2)) == "x{a=\"1\",b=\"2\"} => 1000000000000000000000 @[120]");
  CHECK(text_of("x[2m]", history, minutes(2)) == "x{a=\"1\",b=\"2\"} =>\n0.5 @[60]\n1000000000000000000000 @[120]");
}

TEST_CASE("a counter's rate never crosses a reset epoch") {
  MemoryHistory history;
  const auto at = [](int minute, double value) { return Sample{minutes(minute), value}; };
  // The server lost its statistics between minutes 3 and 4 and counted past the old value before the next sample.
  REQUIRE(history.add({"jumped", {}}, {at(0, 100), at(1, 110), at(2, 120), at(3, 130), at(4, 5000), at(5, 5010)}, {4}));
  // The same with a fall.
  REQUIRE(history.add({"fell", {}}, {at(0, 100), at(1, 110), at(2, 120), at(3, 130), at(4, 7), at(5, 17)}, {4}));
  // A fall without an epoch is Prometheus's reset: the new value counts.
  REQUIRE(history.add({"plain", {}}, {at(0, 100), at(1, 110), at(2, 120), at(3, 130), at(4, 7), at(5, 17)}));
  const auto value = [&](const std::string& expr, double minute) { return text_of(expr, history, minutes(minute)); };
  // Four differences of 10 and one that does not count, over 5 minutes and extrapolated over nothing.
  CHECK(value("increase(jumped[5m1s]) > 39.99 < 40.2", 5).starts_with("{} => 40.1"));
  CHECK(value("increase(fell[5m1s]) > 39.99 < 40.2", 5).starts_with("{} => 40.1"));
  CHECK(value("increase(plain[5m1s]) > 47 < 47.3", 5).starts_with("{} => 47.1"));
  CHECK(value("rate(jumped[90s])", 4) == "{} => 0 @[240]");
  CHECK(value("irate(jumped[5m])", 4) == "{} => 0 @[240]");
  CHECK(value("irate(fell[5m])", 4) == "{} => 0 @[240]");
  CHECK(value("idelta(fell[5m])", 4) == "{} => 0 @[240]");
  CHECK(value("irate(plain[5m])", 4) == "{} => 0.11666666666666667 @[240]");
  CHECK(value("irate(jumped[5m]) * 60", 5) == "{} => 10 @[300]");
  CHECK(value("delta(fell[5m1s]) > 39.99 < 40.2", 5).starts_with("{} => 40.1"));
  CHECK(value("changes(jumped[5m1s])", 5) == "{} => 4 @[300]");
  CHECK(value("changes(plain[5m1s])", 5) == "{} => 5 @[300]");
  CHECK(value("resets(jumped[5m1s])", 5) == "{} => 1 @[300]");
  CHECK(value("resets(fell[5m1s])", 5) == "{} => 1 @[300]");
  // An edge before the window does not matter, nor one at its first sample.
  CHECK(value("changes(jumped[90s])", 5) == "{} => 1 @[300]");
}

TEST_CASE("an epoch that begins at a stale marker begins at the next sample") {
  MemoryHistory history;
  REQUIRE(history.add(
      {"c", {}},
      {{minutes(0), 10}, {minutes(1), 20}, {minutes(2), stale_marker()}, {minutes(3), 900}, {minutes(4), 910}}, {2}));
  CHECK(text_of("irate(c[10m])", history, minutes(3)) == "{} => 0 @[180]");
  CHECK(text_of("changes(c[10m])", history, minutes(4)) == "{} => 2 @[240]");
  CHECK(text_of("resets(c[10m])", history, minutes(4)) == "{} => 1 @[240]");
}

TEST_CASE("a range query equals the instant queries at its steps") {
  auto history = history_of({{"c{a=\"1\"}", "0+10x8 0+7x20"},
                             {"c{a=\"2\"}", "5+1x5 stale _x5 9+2x10"},
                             {"g{a=\"1\"}", "1 5 2 NaN 7 _x10 4 4 4"},
                             {"g{a=\"3\"}", "3x30"}});
  const char* const expressions[] = {
      "c",
      "rate(c[5m])",
      "sum(rate(c[3m])) by (a)",
      "c / on (a) g",
      "c > 20 or g",
      "topk(1, c)",
      "count_values(\"v\", g)",
      "absent(c{a=\"2\"})",
      "timestamp(c)",
      "max_over_time(rate(c[2m])[5m:1m])",
      "sum_over_time(avg_over_time(c[3m:30s])[4m:2m] offset 1m)",
      "time() / 60",
      "-c + ignoring (b) label_join(g, \"b\", \"-\", \"a\")",
      "predict_linear(c[5m] offset 1m, 60)",
      "(increase(c[4m] @ 600))",
      "changes(g[3m]) > 0",
      "sum_over_time(rate(c[2m])[3m:45s])",
      "max_over_time(sum(rate(c[2m]))[3m:45s] offset 90s) / on () sum(rate(c[2m]))",
      "quantile_over_time(scalar(g{a=\"3\"}) / 10, c[5m])",
      "(c @ 600)",
      "scalar(g{a=\"3\"}) * c offset -1m",
  };
  for (const char* text : expressions) {
    INFO(text);
    const auto expr = parse(text);
    REQUIRE(expr);
    const Millis step{45'000};
    const auto matrix = evaluate_range(**expr, history, minutes(0), minutes(30), step, {});
    REQUIRE(matrix);
    std::size_t found = 0;
    for (UtcTime at = minutes(0); at <= minutes(30); at += step) {
      const auto value = evaluate(**expr, history, at, {});
      REQUIRE(value);
      Vector expected;
      if (const auto* scalar = std::get_if<Scalar>(&*value)) expected.push_back({Labels(), at, scalar->value});
      if (const auto* vector = std::get_if<Vector>(&*value)) expected = *vector;
      for (const auto& sample : expected) {
        const auto series = std::find_if(matrix->begin(), matrix->end(),
                                         [&](const Series& one) { return one.labels == sample.labels; });
        REQUIRE(series != matrix->end());
        const auto point = std::find_if(series->samples.begin(), series->samples.end(),
                                        [&](const Sample& one) { return one.time == at; });
        REQUIRE(point != series->samples.end());
        CHECK((point->value == sample.value || (std::isnan(point->value) && std::isnan(sample.value))));
        ++found;
      }
    }
    std::size_t total = 0;
    for (const auto& series : *matrix) total += series.samples.size();
    CHECK(total == found);
    CHECK(total > 0);
  }
}

namespace {

// Counts how often series are loaded.
class CountingHistory final : public HistoryReader {
 public:
  explicit CountingHistory(HistoryReader& inner) : inner_(inner) {}
  int selects = 0;
  Result<std::vector<SeriesData>> select(const std::vector<Matcher>& matchers, TimeRange range,
                                         std::size_t max) override {
    ++selects;
    return inner_.select(matchers, range, max);
  }
  Result<std::vector<SeriesKey>> series(const std::vector<Matcher>& matchers, TimeRange range) override {
    return inner_.series(matchers, range);
  }
  Result<std::vector<ResetEvent>> resets(TimeRange range) override { return inner_.resets(range); }
  Result<std::vector<Gap>> gaps(TimeRange range) override { return inner_.gaps(range); }

 private:
  HistoryReader& inner_;
};

}  // namespace

TEST_CASE("a range query loads each selector once, whatever the number of steps") {
  auto memory = history_of({{"c", "0+1x100"}});
  CountingHistory history(memory);
  const auto expr = parse("rate(c[5m]) / max_over_time(c[10m:1m])");
  REQUIRE(evaluate_range(**expr, history, minutes(0), minutes(100), Millis(1000), {}));
  CHECK(history.selects == 2);
}

TEST_CASE("labels that a query makes have a limit, each and all together") {
  auto history = history_of({{"c{a=\"1\"}", "0+1x1000"}, {"c{a=\"2\"}", "0+1x1000"}});
  // Four times as long with each call.
  std::string expr = "c";
  for (int i = 0; i < 40; ++i) expr = "label_replace(" + expr + ", \"a\", \"$1$1$1$1\", \"a\", \"(.*)\")";
  CHECK(text_of(expr, history, minutes(1)) ==
        "resource_exhausted: label_replace() would make a label of more than 262144 bytes");
  expr = "c";
  for (int i = 0; i < 40; ++i) expr = "label_join(" + expr + ", \"a\", \"-\", \"a\", \"a\", \"a\")";
  CHECK(text_of(expr, history, minutes(1)) ==
        "resource_exhausted: label_join() would make a label of more than 262144 bytes");
  const std::string text(200'000, 'x');
  CHECK_THAT(text_of("label_replace(vector(1), \"z\", \"" + text + "\", \"\", \"\")", history, minutes(1)),
             ContainsSubstring(text));
  EvalOptions small;
  small.max_label_bytes = 10'000'000;
  // One more set of labels with each step.
  const auto count =
      parse("count_values without () (\"v\", label_replace(vector(time()), \"z\", \"" + text + "\", \"\", \"\"))");
  const auto matrix = evaluate_range(**count, history, minutes(0), minutes(1000), kMinute, small);
  REQUIRE_FALSE(matrix);
  CHECK_THAT(matrix.error().describe(),
             ContainsSubstring("query would hold more than 10000000 bytes of labels in memory"));
}

TEST_CASE("samples, depth and time have limits") {
  auto history = history_of({{"c{a=\"1\"}", "0+1x1000"}, {"c{a=\"2\"}", "0+1x1000"}});
  EvalOptions small;
  small.max_samples = 500;
  CHECK(text_of("rate(c[20h])", history, minutes(1000), small).starts_with("resource_exhausted: "));
  CHECK(text_of("c", history, minutes(1000), small) == "c{a=\"1\"} => 1000 @[60000]\nc{a=\"2\"} => 1000 @[60000]");
  const auto expr = parse("vector(1)");
  const auto matrix = evaluate_range(**expr, history, minutes(0), minutes(1000), kMinute, small);
  REQUIRE_FALSE(matrix);
  CHECK(matrix.error().code == Errc::resource_exhausted);
  CHECK(text_of("count_over_time(vector(1)[20h:1m])", history, minutes(2000), small).starts_with("resource_exhausted"));

  CHECK(text_of("count_over_time(missing[200y:1ms])", history, minutes(2000), small).starts_with("resource_exhausted"));
  CHECK(text_of("max_over_time(max_over_time(missing[200y:1h])[200y:1h])", history, minutes(2000), small)
            .starts_with("resource_exhausted"));
  CHECK(text_of("c offset 292y", history, minutes(2000)).empty());
  CHECK(text_of("c offset -292y", history, minutes(2000)).empty());
  CHECK(text_of("c", history, UtcTime(Millis::max())).starts_with("invalid_argument: "));

  EvalOptions shallow;
  shallow.max_depth = 3;
  CHECK(text_of("((((1))))", history, minutes(1), shallow).starts_with("resource_exhausted: expression is nested"));

  test::FakeClock clock;
  EvalOptions timed;
  timed.clock = &clock;
  timed.deadline = clock.steady_now() + std::chrono::seconds(1);
  CHECK(text_of("sum(c)", history, minutes(5), timed) == "{} => 10 @[300]");
  clock.advance(Millis(2000));
  CHECK(text_of("sum(c)", history, minutes(5), timed).starts_with("timeout: "));
}

TEST_CASE("a range query refuses what it cannot step through") {
  MemoryHistory history;
  const auto code = [&](std::string_view text, UtcTime from, UtcTime to, Millis step) {
    const auto expr = parse(text);
    const auto matrix = evaluate_range(**expr, history, from, to, step, {});
    return matrix ? std::string("fine") : std::string(to_string(matrix.error().code));
  };
  CHECK(code("1", minutes(1), minutes(1), kMinute) == "fine");
  CHECK(code("1", minutes(0), minutes(1), Millis(0)) == "invalid_argument");
  CHECK(code("1", minutes(1), minutes(0), kMinute) == "invalid_argument");
  CHECK(code("x[5m]", minutes(0), minutes(1), kMinute) == "parse");
  CHECK(code("\"x\"", minutes(0), minutes(1), kMinute) == "parse");
  CHECK(code("1", minutes(0), minutes(100000), Millis(1)) == "resource_exhausted");
}

TEST_CASE("differences from Prometheus 2.42 follow 3.x") {
  auto history = history_of({{"a", "1"}, {"b", "1"}, {"n", "NaN"}});
  // 2.42 kept the metric name of the left side.
  CHECK(text_of("a atan2 b", history, minutes(0)) == "{} => 0.7853981633974483 @[0]");
  // 2.42 said 0 for the spread of one NaN.
  CHECK(text_of("stddev(n)", history, minutes(0)) == "{} => NaN @[0]");
}

TEST_CASE("start() and end() are the bounds of a range query, and @ holds still at every step") {
  auto history = history_of({{"x", "0+1x60"}});
  const auto values = [&](std::string_view text) {
    const auto expr = parse(text);
    REQUIRE(expr);
    const auto matrix = evaluate_range(**expr, history, minutes(10), minutes(12), kMinute, {});
    REQUIRE(matrix);
    std::string out;
    for (const auto& sample : matrix->at(0).samples) out += format_double(sample.value) + " ";
    return out;
  };
  CHECK(values("x") == "10 11 12 ");
  CHECK(values("x @ start()") == "10 10 10 ");
  CHECK(values("x @ end()") == "12 12 12 ");
  CHECK(values("x @ end() offset 2m") == "10 10 10 ");
  CHECK(values("x @ 240") == "4 4 4 ");
  CHECK(values("x - x @ start()") == "0 1 2 ");
  CHECK(values("sum_over_time(x[2m] @ end())") == "23 23 23 ");
  CHECK(values("max_over_time(x[3m:1m] @ start())") == "10 10 10 ");
  // The subquery moves, what is inside it does not.
  CHECK(values("sum_over_time((x @ end())[3m:1m])") == "36 36 36 ");
  // A prediction from a fixed window is still for the moment of each step.
  CHECK(values("predict_linear(x[5m] @ 300, 0)") == "10 11 12 ");
}

TEST_CASE(
    "a counter that starts far from the edge of its window extends by half a step, as Prometheus does since 2.51") {
  auto history = history_of({{"c", "_ _ _ _ 15 25 35"}});
  EvalOptions closed;
  closed.left_open = false;
  // Zero is 90 s before the first sample, further than the 66 s that reach to the edge: 2.42 extends by half a step
  // too. From 9, zero is 54 s away: 2.42 goes all the way to it, 3.x stops after 30 s.
  CHECK(text_of("increase(c[6m])", history, minutes(6)) == "{} => 25 @[360]");
  CHECK(text_of("increase(c[6m])", history, minutes(6), closed) == "{} => 25 @[360]");
  auto near = history_of({{"c", "_ _ _ _ 9 19 29"}});
  CHECK(text_of("increase(c[6m])", near, minutes(6)) == "{} => 25 @[360]");
  CHECK(text_of("increase(c[6m])", near, minutes(6), closed) == "{} => 29 @[360]");
}

TEST_CASE("names in quotes select and group, and label functions take them in 3.x mode only") {
  MemoryHistory history;
  REQUIRE(history.add({"my.metric", {{"a.b", "c"}, {"d", "e"}}}, {{minutes(0), 3}}));
  CHECK(text_of(R"(sum by ("a.b") ({"my.metric", "a.b"=~"c|d"}))", history, minutes(0)) == "{a.b=\"c\"} => 3 @[0]");
  const std::string joined = R"(sum without ("a.b", d) (label_join({"my.metric"}, "x y", "", "d")))";
  CHECK(text_of(joined, history, minutes(0)) == "{x y=\"e\"} => 3 @[0]");
  EvalOptions closed;
  closed.left_open = false;
  CHECK(text_of(joined, history, minutes(0), closed) ==
        "invalid_argument: invalid destination label name in label_join(): x y");
}

TEST_CASE("top and bottom come best first, and sort puts NaN last") {
  auto history = history_of({{"x{a=\"1\"}", "3"}, {"x{a=\"2\"}", "NaN"}, {"x{a=\"3\"}", "9"}, {"x{a=\"4\"}", "1"}});
  const auto order = [&](std::string_view expr) {
    std::string out;
    const auto value = evaluate(**parse(expr), history, minutes(0), {});
    for (const auto& sample : std::get<Vector>(*value)) out += sample.labels.get("a");
    return out;
  };
  CHECK(order("topk(2, x)") == "31");
  CHECK(order("bottomk(4, x)") == "4132");
  CHECK(order("sort(x)") == "4132");
  CHECK(order("sort_desc(x)") == "3142");
}
