#pragma once

#include <map>
#include <optional>
#include <string>

#include "agent/base/clock.hpp"
#include "agent/base/result.hpp"

namespace pgtend::alerts {

enum class DeliveryOutcome { sent, retry, dead };
[[nodiscard]] std::string_view to_string(DeliveryOutcome outcome);

// What became of one attempt to deliver an outbox message.
struct Delivery {
  DeliveryOutcome outcome = DeliveryOutcome::retry;
  int status = 0;      // HTTP status; 0: no answer
  std::string reason;  // empty when sent; never holds a URL path, token or body
  // The receiver's own Retry-After: not before this long from now.
  std::optional<Millis> retry_after;
};

// 2xx sent; 408, 425, 429 and 5xx retry; everything else, 3xx included, is dead at once.
// `headers` have lower-case names; Retry-After is read in both its forms, capped at an hour.
[[nodiscard]] Delivery classify(int status, const std::map<std::string, std::string>& headers, UtcTime now);
// No answer: network errors and timeouts are retried, an unusable URL is dead.
[[nodiscard]] Delivery classify(const Error& error);

}  // namespace pgtend::alerts
