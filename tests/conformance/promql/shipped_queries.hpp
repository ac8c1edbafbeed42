#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/conformance/promql/prometheus.hpp"

namespace pgtend::test {

// Where it stands and the expression: of every shipped rule, of its pgtend_causes and of every panel of the boards.
using ShippedQueries = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] ShippedQueries shipped_queries();

// An hour of samples at 15 s for the metrics and labels that the queries name: counters that reset and gauges that go
// through the sizes at which rules alert.
[[nodiscard]] Dataset data_for(const ShippedQueries& queries);

}  // namespace pgtend::test
