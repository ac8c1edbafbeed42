#pragma once

#include <string>

#include "tests/conformance/promql/prometheus.hpp"

namespace pgtend::test {

enum class Strictness {
  exact_errors,  // the whole message, up to the series that a matching error lists
  kind_of_error  // status and errorType: which of several wrong series is met first is not defined
};

// What differs between two answers of the query API; empty when nothing does. Values are equal within 1e-9 of the
// larger one or of 1 (what is left after equal numbers cancel is rounding), NaN equals NaN, series have no order.
[[nodiscard]] std::string difference(const HttpAnswer& theirs, const HttpAnswer& ours, Strictness strictness);

}  // namespace pgtend::test
