#pragma once

#include "tests/conformance/promql/prometheus.hpp"

namespace pgtend::test {

// First moment of the data, seconds since 1970: 2023-11-14 22:13:20 UTC.
inline constexpr std::int64_t kDataStart = 1'700'000'000;
// Its length, seconds.
inline constexpr std::int64_t kDataLength = 3'600;

// An hour at 15 s: counters that grow, reset, pause, begin late and end early; gauges with jittered times; classic
// histograms; an info series. Mostly small whole numbers, so that sums do not depend on their order.
Dataset conformance_data();

}  // namespace pgtend::test
