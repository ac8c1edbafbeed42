// What ships asks what Prometheus answers alike: every rule, its likely causes, every panel of the boards.
#include "tests/conformance/promql/shipped_queries.hpp"

#include <set>

#include "tests/conformance/promql/data.hpp"
#include "tests/conformance/promql/pair.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::test;

TEST_CASE("every query of the shipped rules and boards gives what Prometheus gives, at moments and over a range") {
  const auto queries = shipped_queries();
  REQUIRE(queries.size() > 130);
  Pair pair(data_for(queries));
  std::set<std::string> silent;
  for (const auto& [place, expr] : queries) {
    INFO(place << ": " << expr);
    const auto before = pair.telling;
    for (std::int64_t at = 300; at <= kDataLength; at += 330)
      CHECK(pair.instant(expr, std::to_string(kDataStart + at), Strictness::kind_of_error) == "");
    const Parameters steps{
        {"start", std::to_string(kDataStart)}, {"end", std::to_string(kDataStart + kDataLength)}, {"step", "45"}};
    CHECK(pair.range(expr, steps, Strictness::kind_of_error) == "");
    if (pair.telling == before) silent.insert(place);
  }
  // Empty answers and errors alone would prove little.
  for (const auto& place : silent) UNSCOPED_INFO(place << " was empty in both");
  CHECK(silent.size() < queries.size() / 10);
}
