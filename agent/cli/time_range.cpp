#include "agent/cli/time_range.hpp"

#include <algorithm>

#include "agent/base/clock.hpp"
#include "agent/base/units.hpp"

namespace pgtend::cli {

namespace {

Result<UtcTime> time_of(const std::string& option, const std::string& text, UtcTime fallback) {
  if (text.empty()) return fallback;
  if (const auto time = parse_rfc3339(text)) return *time;
  return fail(Errc::invalid_argument, option + " is a time such as 2026-01-31T12:00:00Z");
}

}  // namespace

void add_time_range(CLI::App& command, TimeRangeOptions& options, const std::string& fallback) {
  command.add_option("--since", options.since, "range back from its end, like 1h (default: " + fallback + ")");
  command.add_option("--from", options.from, "its begin, like 2026-01-31T12:00:00Z");
  command.add_option("--to", options.to, "its end (default: now)");
}

Result<TimeRange> time_range(const TimeRangeOptions& options, UtcTime now, Millis back) {
  const auto to = time_of("--to", options.to, now);
  if (!to) return fail(to.error());
  const UtcTime earliest = *to - std::min(back, Millis(to_ms(*to)));
  auto from = time_of("--from", options.from, earliest);
  if (!from) return fail(from.error());
  if (!options.since.empty()) {
    const auto since = parse_duration(options.since);
    if (!since) return fail(since.error(), "--since");
    from = *to - *since;
  }
  if (*from > *to) return fail(Errc::invalid_argument, "the range ends before it begins");
  return TimeRange{*from, *to};
}

}  // namespace pgtend::cli
