#pragma once

#include <deque>
#include <string_view>

#include "agent/base/clock.hpp"

namespace pgtend::net {

struct BreakerLimits {
  int failures = 5;  // Source: reference planned_systems.md 2.2
  Millis window{30'000};
};

enum class BreakerState { closed, open, half_open };
[[nodiscard]] std::string_view to_string(BreakerState state);

// Stops work against a target that keeps failing, then lets one trial through at a time.
// REQUIRES: used from one thread; `clock` outlives it.
class Breaker {
 public:
  Breaker(BreakerLimits limits, const Clock& clock) : limits_(limits), clock_(clock) {}

  // True when the caller may try now. In half_open only the first caller gets true, until it reports.
  [[nodiscard]] bool try_pass();
  void success();
  // `retry_after` is the backoff step: how long an open breaker waits before its next trial.
  void failure(Millis retry_after);
  // Opens at once, whatever the count (disk full, out of memory).
  void trip(Millis retry_after);
  [[nodiscard]] BreakerState state() const;

 private:
  BreakerLimits limits_;
  const Clock& clock_;
  std::deque<Deadline> recent_;
  bool open_ = false;
  bool trial_running_ = false;
  Deadline retry_at_{};
};

}  // namespace pgtend::net
