#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/model/routing.hpp"

namespace pgtend::alerts {

// Whether a moment lies in the interval, by the local clock of its zone. An unknown zone holds no moment.
[[nodiscard]] bool contains(const TimeInterval& interval, UtcTime now);
[[nodiscard]] bool contains(const NamedIntervals& intervals, UtcTime now);

}  // namespace pgtend::alerts
