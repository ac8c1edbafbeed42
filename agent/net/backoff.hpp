#pragma once

#include <cstdint>

#include "agent/base/clock.hpp"

namespace pgtend::net {

struct BackoffLimits {
  Millis base{100};           // Source: reference planned_systems.md 2.2
  Millis cap{5'000};          // largest step while the failure is young
  Millis calm_after{60'000};  // a failure older than this is retried calmly
  Millis calm_cap{30'000};
};

// Full-jitter exponential backoff: each step is random(0, min(cap, base * 2^n)), so that many agents that lost one
// server do not come back in the same instant.
// REQUIRES: used from one thread; `clock` outlives it.
class Backoff {
 public:
  // `seed` makes the steps repeatable in a test; the daemon passes a random one.
  Backoff(BackoffLimits limits, const Clock& clock, std::uint64_t seed);

  // The delay before the next attempt; counts one more failure.
  [[nodiscard]] Millis next();
  // The upper bound that the next call draws below.
  [[nodiscard]] Millis ceiling() const;
  // Forgets the failures after a success.
  void reset();
  [[nodiscard]] int failures() const { return failures_; }

 private:
  BackoffLimits limits_;
  const Clock& clock_;
  std::uint64_t state_;
  int failures_ = 0;
  Deadline first_failure_{};
};

}  // namespace pgtend::net
