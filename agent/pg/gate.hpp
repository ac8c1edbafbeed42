#pragma once

#include <cstdint>
#include <optional>

#include "agent/base/result.hpp"
#include "agent/net/backoff.hpp"
#include "agent/net/breaker.hpp"

namespace pgtend::pg {

// Decides when the next connect may be tried: one attempt per backoff step, one a minute for what only a person can
// cure, a breaker after repeated failures. Callers try one at a time. REQUIRES: used from one thread; `clock` outlives
// it.
class ConnectGate {
 public:
  ConnectGate(const Clock& clock, std::uint64_t seed);

  // The moment before which nobody may try; nullopt when the way is free.
  [[nodiscard]] std::optional<Deadline> closed_until() const;
  // Says that an attempt begins now.
  void begin();
  void succeeded();
  void failed(const Error& error);
  // The last failure, with how long the wait still is. REQUIRES: closed_until() has a value.
  [[nodiscard]] Error refusal() const;
  [[nodiscard]] net::BreakerState breaker() const { return breaker_.state(); }
  [[nodiscard]] bool failing() const { return last_error_.has_value(); }
  // The last failure; nullopt when the last attempt succeeded.
  [[nodiscard]] const std::optional<Error>& last_error() const { return last_error_; }

 private:
  [[nodiscard]] Millis delay_after(const Error& error);

  const Clock& clock_;
  net::Backoff backoff_;
  net::Breaker breaker_;
  std::optional<Error> last_error_;
  Deadline next_attempt_{};
};

}  // namespace pgtend::pg
