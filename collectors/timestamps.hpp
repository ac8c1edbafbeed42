#pragma once

#include <optional>
#include <string_view>

#include "agent/base/clock.hpp"

namespace pgtend::collectors {

// A timestamptz as PostgreSQL writes it in DateStyle ISO ("2026-11-23 12:30:00.123456+00", offset hours, minutes and
// seconds); nullopt for anything else, infinity included.
[[nodiscard]] std::optional<UtcTime> parse_timestamptz(std::string_view text);

}  // namespace pgtend::collectors
