#include "rules/promql/evaluator.hpp"
#include "rules/promql/test_series.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/promql/random_promql.hpp"

using namespace pgtend;
using namespace pgtend::promql;
using namespace pgtend::test;

// A slice of random input per run; a failure prints the seed that repeats it.

TEST_CASE("random text never crashes the parser, and what parses has a stable canonical text") {
  const unsigned seed = seed_of_run();
  INFO("PGTEND_SEED=" << seed);
  RandomPromql random(seed);
  for (int i = 0; i < 4000; ++i) {
    const std::string text = random.chance(40) ? random.bytes() : random.tokens();
    INFO(text);
    const auto expr = parse(text);
    if (!expr) {
      REQUIRE(expr.error().code == Errc::parse);
      REQUIRE_THAT(expr.error().message, ContainsSubstring(": parse error: "));
    } else {
      const std::string canonical = format(**expr);
      const auto again = parse(canonical);
      INFO(canonical);
      REQUIRE(again);
      REQUIRE(format(**again) == canonical);
    }
    (void)parse_metric(text);
    (void)parse_test_values(random.chance(50) ? random.bytes() : text, UtcTime{}, Millis(1000));
  }
}

TEST_CASE("random well-typed expressions parse, and evaluate to a value or a named error") {
  const unsigned seed = seed_of_run();
  INFO("PGTEND_SEED=" << seed);
  RandomPromql random(seed);
  auto history = load_test_series({{"c{a=\"1\",b=\"x\"}", "0+10x5 0+3x20", 1},
                                   {"c{a=\"2\",b=\"x\"}", "5 _ 7 stale _x3 1e308 Inf NaN -Inf 4+0x10", 2},
                                   {"g{a=\"1\"}", "1 NaN 3 -3x20", 3},
                                   {"g{a=\"2\",b=\"y\"}", "9x9 stale 2x9", 4},
                                   {"x{a=\"1\"}", "1+1x40", 5}},
                                  Millis(60'000))
                     .value();
  int values = 0;
  for (int i = 0; i < 1500; ++i) {
    const std::string text = random.vector(4);
    INFO(text);
    const auto expr = parse(text);
    INFO((expr ? "" : expr.error().message));
    REQUIRE(expr);
    REQUIRE(format(**parse(format(**expr))) == format(**expr));
    EvalOptions options;
    options.left_open = random.chance(50);
    const UtcTime at = from_ms(static_cast<std::int64_t>(random.below(2'000'000)));
    const auto value = evaluate(**expr, history, at, options);
    if (value) {
      ++values;
    } else {
      REQUIRE(value.error().code == Errc::invalid_argument);
    }
    (void)evaluate_range(**expr, history, at, at + Millis(300'000), Millis(60'000), options);
  }
  // Most of them are meaningful.
  CHECK(values > 500);
}
