#pragma once

#include <string_view>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/model/alert.hpp"
#include "agent/model/series.hpp"
#include "rules/promql/memory_history.hpp"

namespace pgtend::promql {

// Values that one input series may expand to. Source: 20 years at one a minute.
inline constexpr std::size_t kMaxTestValues = 10'000'000;

// Expands promtool's value notation: "1+2x10", "5-1x3", "1x4", "_", "_x5", "stale", numbers, NaN, Inf.
// The first value is at `start`, the following ones every `interval`.
// Errors: parse, with "1:COLUMN: parse error: ..."; not retryable.
[[nodiscard]] Result<std::vector<Sample>> parse_test_values(std::string_view values, UtcTime start, Millis interval);

// Parses the series text ('up{job="pg"}') of a test file. Errors: parse.
[[nodiscard]] Result<SeriesKey> parse_series_key(std::string_view text);

// All input series of a test case, starting at the Unix epoch as promtool does.
// Errors: parse, with the series' line in the context.
[[nodiscard]] Result<MemoryHistory> load_test_series(const std::vector<RuleTestSeries>& input, Millis interval);

}  // namespace pgtend::promql
