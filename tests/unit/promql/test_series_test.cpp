#include "rules/promql/test_series.hpp"

#include "agent/base/strings.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::promql;

namespace {

// "minute=value" of each sample, or the error.
std::string expanded(std::string_view values) {
  const auto samples = parse_test_values(values, UtcTime{}, Millis(60'000));
  if (!samples) return samples.error().message;
  std::string out;
  for (const auto& sample : *samples) {
    if (!out.empty()) out += ' ';
    out += std::to_string(to_ms(sample.time) / 60'000) + "=";
    out += is_stale(sample.value) ? "stale" : format_double(sample.value);
  }
  return out;
}

}  // namespace

TEST_CASE("promtool's value notation expands to samples") {
  CHECK(expanded("") == "");
  CHECK(expanded("1 2.5 -3") == "0=1 1=2.5 2=-3");
  CHECK(expanded("1+2x3") == "0=1 1=3 2=5 3=7");
  CHECK(expanded("5-1x3") == "0=5 1=4 2=3 3=2");
  CHECK(expanded("-1-2x2") == "0=-1 1=-3 2=-5");
  CHECK(expanded("1x2") == "0=1 1=1 2=1");
  CHECK(expanded("7x0") == "0=7");
  CHECK(expanded("1 _ 3 _x2 6") == "0=1 2=3 5=6");
  CHECK(expanded("1 stale 2") == "0=1 1=stale 2=2");
  CHECK(expanded("NaN Inf -Inf +Inf") == "0=NaN 1=+Inf 2=-Inf 3=+Inf");
  CHECK(expanded(" 1e3\t1e-1 \n.5 ") == "0=1000 1=0.1 2=0.5");
  CHECK(expanded("0.1+0.1x3") == "0=0.1 1=0.2 2=0.30000000000000004 3=0.4");
}

TEST_CASE("malformed values are refused with their column") {
  CHECK(expanded("1 b") == "1:3: parse error: error parsing number: \"b\"");
  CHECK(expanded("1+") == "1:3: parse error: unexpected end of input in series values, expected a number");
  CHECK(expanded("1+2") == "1:4: parse error: expected \"x\" and a count after the step");
  CHECK(expanded("1x") == "1:3: parse error: expected a whole number after \"x\"");
  CHECK(expanded("1x-2") == "1:3: parse error: expected a whole number after \"x\"");
  CHECK(expanded("1,2") == "1:2: parse error: unexpected \",\" in series values, expected a space");
  CHECK(expanded("_y") == "1:2: parse error: unexpected \"y\" in series values, expected a space");
  CHECK(expanded("NaNx5") == "1:1: parse error: error parsing number: \"NaNx5\"");
  CHECK(expanded("stalex5") == "1:1: parse error: error parsing number: \"stalex5\"");
  CHECK_THAT(expanded("1x99999999999"), ContainsSubstring("more than 10000000 values"));
  CHECK_THAT(expanded("_x99999999999"), ContainsSubstring("more than 10000000 values"));
}

TEST_CASE("a bad input series is named with its line") {
  const auto history = load_test_series({{"up{a=\"1\"}", "1x5", 3}, {"down{", "1", 7}}, Millis(1000));
  REQUIRE_FALSE(history);
  CHECK_THAT(history.error().describe(), ContainsSubstring("input series 'down{' (line 7)"));
  CHECK_FALSE(load_test_series({{"up", "1x5", 1}, {"up", "2", 2}}, Millis(1000)));
}

TEST_CASE("the in-memory history cuts by time and keeps epochs relative to what it gives") {
  MemoryHistory history;
  const auto at = [](int second, double value) { return Sample{from_ms(second * 1000), value}; };
  REQUIRE(history.add({"x", Labels{{"a", "1"}}}, {at(1, 1), at(2, 2), at(3, 3)}, {2}));
  REQUIRE(history.add({"x", Labels{{"a", "1"}}}, {at(4, 4), at(5, 5)}, {0}));
  CHECK_FALSE(history.add({"x", Labels{{"a", "1"}}}, {at(5, 6)}));
  CHECK_FALSE(history.add({"y", {}}, {at(1, 6)}, {1}));
  const std::vector<Matcher> all{Matcher::make("__name__", MatchOp::equal, "x").value()};
  auto data = history.select(all, {from_ms(2000), from_ms(4000)}, 100).value();
  REQUIRE(data.size() == 1);
  CHECK(data[0].samples.size() == 3);
  CHECK(data[0].epoch_starts == std::vector<std::size_t>{1, 2});
  CHECK(history.select(all, {from_ms(3000), from_ms(3000)}, 100).value()[0].epoch_starts.empty());
  CHECK(history.select(all, {from_ms(0), from_ms(9000)}, 4).error().code == Errc::resource_exhausted);
  CHECK(history.select(all, {from_ms(6000), from_ms(9000)}, 100).value().empty());
  CHECK(history.series(all, {from_ms(6000), from_ms(9000)}).value().empty());
  CHECK(history.series(all, {from_ms(0), from_ms(1000)}).value().size() == 1);
  CHECK(history.resets({from_ms(0), from_ms(3000)}).value().size() == 1);
}
