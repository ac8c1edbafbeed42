#include "agent/remote/answer.hpp"

#include "alerts/notifiers/delivery.hpp"

namespace pgtend::remote {

Answer judge(int status, const std::map<std::string, std::string>& headers, UtcTime now) {
  // One reading of Retry-After for everything that goes out.
  const auto delivery = alerts::classify(status, headers, now);
  Answer answer;
  answer.reason = delivery.reason;
  answer.retry_after = delivery.retry_after;
  if (delivery.outcome == alerts::DeliveryOutcome::sent) {
    answer.fate = Fate::taken;
  } else if (status == 400 || status == 413 || status == 422) {
    answer.fate = Fate::refused;
  }
  // A server error may come after the samples were written.
  answer.doubtful = status >= 500;
  return answer;
}

Answer judge(const Error& error) {
  Answer answer;
  answer.reason = error.describe();
  answer.doubtful = answer.vanished = true;
  return answer;
}

}  // namespace pgtend::remote
