#pragma once

#include <map>
#include <optional>
#include <string>

#include "agent/base/clock.hpp"

// What an answer says about trying again; for everything that goes out.
namespace pgtend::http {

// A receiver may slow us down, not silence us.
inline constexpr Millis kLongestRetryAfter{3'600'000};

// Whether the same request may succeed later: 408, 425, 429 and 5xx.
[[nodiscard]] bool is_retryable(int status);

// How long the answer asks to wait, out of Retry-After in both its forms, between 0 and kLongestRetryAfter; nullopt: it
// does not ask, or not in a form that can be read. `headers` have lower-case names.
[[nodiscard]] std::optional<Millis> retry_after(const std::map<std::string, std::string>& headers, UtcTime now);

}  // namespace pgtend::http
