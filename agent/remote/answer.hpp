#pragma once

#include <map>
#include <optional>
#include <string>

#include "agent/base/clock.hpp"
#include "agent/base/result.hpp"

namespace pgtend::remote {

enum class Fate {
  taken,    // acknowledged
  refused,  // these samples will never be taken: out of order, too old, malformed
  later,    // the same request may be taken another time
};

// What one answer to a remote write request means.
struct Answer {
  Fate fate = Fate::later;
  std::string reason;                 // empty when taken; no part of the address, the token or the body
  std::optional<Millis> retry_after;  // the receiver's own wish
  bool doubtful = false;              // the request may have arrived although nobody says so
  bool vanished = false;              // nobody answered: the receiver may have been killed
};

// 2xx taken; 400, 413 and 422 refused; everything else later. 401, 403 and 404 too: an expired token or a wrong path
// says nothing about the samples, which stay in history until it is mended.
// Source: remote write 1.0, "Retries & Backoff": 4xx must not be retried except 429; here only those that speak of the
// samples are final. `headers` have lower-case names.
[[nodiscard]] Answer judge(int status, const std::map<std::string, std::string>& headers, UtcTime now);
// No answer: later, doubtful and vanished.
[[nodiscard]] Answer judge(const Error& error);

}  // namespace pgtend::remote
