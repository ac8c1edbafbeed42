#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pgtend {

using Millis = std::chrono::milliseconds;
// A stored moment: UTC, millisecond resolution.
using UtcTime = std::chrono::sys_time<Millis>;
// An absolute client-side deadline; passed down, never a duration.
using Deadline = std::chrono::steady_clock::time_point;

[[nodiscard]] inline std::int64_t to_ms(UtcTime t) {
  return t.time_since_epoch().count();
}
[[nodiscard]] inline UtcTime from_ms(std::int64_t ms) {
  return UtcTime(Millis(ms));
}
[[nodiscard]] inline double to_seconds(UtcTime t) {
  return static_cast<double>(to_ms(t)) / 1000.0;
}

// "2026-11-23T12:30:00.123Z"; the fraction is omitted when it is zero.
[[nodiscard]] std::string to_rfc3339(UtcTime t);
// Accepts RFC 3339 with Z or a numeric offset; nullopt when malformed.
[[nodiscard]] std::optional<UtcTime> parse_rfc3339(std::string_view text);

// The only door to the present. Tests pass tests/support/fake_clock.hpp.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual UtcTime now() const = 0;
  [[nodiscard]] virtual Deadline steady_now() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] UtcTime now() const override;
  [[nodiscard]] Deadline steady_now() const override;
};

}  // namespace pgtend
