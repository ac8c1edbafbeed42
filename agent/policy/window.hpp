#pragma once

#include <optional>
#include <string_view>

#include "agent/base/clock.hpp"
#include "agent/model/policy.hpp"

// Weekly windows in an IANA time zone. A start that the clock skips (spring) is the moment of the jump; a start or an
// end that comes twice (autumn) is the first of the two. An occurrence that the jump swallows whole does not happen.
namespace pgtend::policy {

// [from, to).
struct WindowSpan {
  UtcTime from, to;
};

[[nodiscard]] bool is_known_time_zone(std::string_view name);
// The occurrence that holds `now`; nullopt when the window is closed or its zone is unknown.
[[nodiscard]] std::optional<WindowSpan> current_occurrence(const PolicyWindow& window, UtcTime now);
[[nodiscard]] bool is_open(const PolicyWindow& window, UtcTime now);
// Start of the occurrence that holds `now`.
[[nodiscard]] std::optional<UtcTime> window_start(const PolicyWindow& window, UtcTime now);
// The first occurrence that starts after `now`; nullopt when the zone is unknown or none starts within 5 weeks.
[[nodiscard]] std::optional<WindowSpan> next_occurrence(const PolicyWindow& window, UtcTime now);
[[nodiscard]] std::optional<UtcTime> next_opening(const PolicyWindow& window, UtcTime now);

}  // namespace pgtend::policy
