#include "alerts/notifiers/delivery.hpp"

#include "agent/http/retry.hpp"

namespace pgtend::alerts {

std::string_view to_string(DeliveryOutcome outcome) {
  switch (outcome) {
    case DeliveryOutcome::sent:
      return "sent";
    case DeliveryOutcome::retry:
      return "retry";
    case DeliveryOutcome::dead:
      return "dead";
  }
  return "dead";
}

Delivery classify(int status, const std::map<std::string, std::string>& headers, UtcTime now) {
  Delivery delivery;
  delivery.status = status;
  if (status >= 200 && status < 300) {
    delivery.outcome = DeliveryOutcome::sent;
    return delivery;
  }
  const bool later = http::is_retryable(status);
  delivery.outcome = later ? DeliveryOutcome::retry : DeliveryOutcome::dead;
  delivery.reason = "the receiver answered " + std::to_string(status);
  if (later) delivery.retry_after = http::retry_after(headers, now);
  return delivery;
}

Delivery classify(const Error& error) {
  Delivery delivery;
  delivery.outcome = error.code == Errc::invalid_argument ? DeliveryOutcome::dead : DeliveryOutcome::retry;
  delivery.reason = error.describe();
  return delivery;
}

}  // namespace pgtend::alerts
