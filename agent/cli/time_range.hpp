#pragma once

#include <string>

#include "agent/base/result.hpp"
#include "agent/cli/context.hpp"
#include "agent/model/history.hpp"

namespace pgtend::cli {

// The options by which a person names a stretch of the past.
struct TimeRangeOptions {
  std::string since, from, to;
};

// Adds --since, --from and --to; `fallback` says what is meant without them.
void add_time_range(CLI::App& command, TimeRangeOptions& options, const std::string& fallback);
// --since is back from --to and wins over --from; without both the range begins `back` before its end.
// Errors: invalid_argument with the option at fault.
[[nodiscard]] Result<TimeRange> time_range(const TimeRangeOptions& options, UtcTime now, Millis back);

}  // namespace pgtend::cli
