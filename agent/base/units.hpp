#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/base/clock.hpp"
#include "agent/base/result.hpp"

namespace pgtend {

// Parses a Prometheus duration: "500ms", "30s", "5m", "1h30m", "7d", "2w", "1y"; units in descending order, no sign.
// Errors: invalid_argument, not retryable.
[[nodiscard]] Result<Millis> parse_duration(std::string_view text);

// The shortest exact Prometheus spelling ("1h30m", "0s").
[[nodiscard]] std::string format_duration(Millis value);

// Parses a size in PostgreSQL's spelling, powers of 1024: "8192", "64kB", "512MB", "10GB", "1TB" (a bare number is
// bytes). Errors: invalid_argument, not retryable.
[[nodiscard]] Result<std::int64_t> parse_bytes(std::string_view text);

// For people: "1.5 GB" (powers of 1024, PostgreSQL's unit names).
[[nodiscard]] std::string format_bytes(double bytes);

// For people: three significant digits below 1,000, whole numbers above, no exponent ("0.25", "1240", "<0.001").
[[nodiscard]] std::string format_number(double value);

// For people: a value with its unit as evidence and effects carry it. bytes, seconds, ms and ratio are scaled ("1.5
// GB", "250 ms", "12.3 %"), "1/min" and "seconds/min" become rates ("15 s/min"); any other unit follows the number.
[[nodiscard]] std::string format_quantity(double value, std::string_view unit);

}  // namespace pgtend
