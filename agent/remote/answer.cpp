#include "agent/remote/answer.hpp"

#include "agent/http/retry.hpp"

namespace pgtend::remote {

Answer judge(int status, const std::map<std::string, std::string>& headers, UtcTime now) {
  Answer answer;
  if (status >= 200 && status < 300) {
    answer.fate = Fate::taken;
    return answer;
  }
  answer.reason = "the receiver answered " + std::to_string(status);
  if (http::is_retryable(status)) answer.retry_after = http::retry_after(headers, now);
  if (status == 400 || status == 413 || status == 422) answer.fate = Fate::refused;
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
