#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/conformance/promql/data.hpp"

namespace pgtend::test {

// Where it stands and the expression: of every shipped rule, of its pgtend_causes and of every panel of the boards.
using ShippedQueries = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] ShippedQueries shipped_queries();

// How much data is made: rows of each metric, values of a label for which a query does not say any, samples at 15 s,
// and the first of them, seconds since 1970.
struct Extent {
  int rows = 4;
  int values = 2;
  int samples = 241;
  std::int64_t start = kDataStart;
};

// Samples for the metrics and labels that the queries name: counters that reset and gauges that go through the sizes at
// which rules alert.
[[nodiscard]] Dataset data_for(const ShippedQueries& queries, Extent extent = {});

}  // namespace pgtend::test
