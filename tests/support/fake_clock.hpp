#pragma once

#include "agent/base/clock.hpp"

namespace pgtend::test {

// Time that moves only when told to.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(UtcTime start = from_ms(1'700'000'000'000)) : now_(start) {}
  [[nodiscard]] UtcTime now() const override { return now_; }
  [[nodiscard]] Deadline steady_now() const override { return steady_; }
  void advance(Millis by) {
    now_ += by;
    steady_ += by;
  }
  // A clock step: wall time jumps, monotonic time does not.
  void step(Millis by) { now_ += by; }

 private:
  UtcTime now_;
  Deadline steady_{std::chrono::hours(1)};
};

}  // namespace pgtend::test
