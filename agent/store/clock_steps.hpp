#pragma once

#include <chrono>
#include <optional>

#include "agent/base/clock.hpp"

namespace pgtend::store {

// A change of the distance between wall and steady time below this is drift, not a step.
inline constexpr Millis kClockJump{60'000};

// Notices that the wall clock was set.
class ClockSteps {
 public:
  explicit ClockSteps(const Clock& clock) : clock_(clock) {}

  // By how much the wall clock was set since the last look, forward above 0; 0 when it was not, or at the first look.
  Millis look() {
    const auto steady = std::chrono::duration_cast<Millis>(clock_.steady_now().time_since_epoch());
    const auto distance = std::chrono::duration_cast<Millis>(clock_.now().time_since_epoch()) - steady;
    const auto step = distance - distance_.value_or(distance);
    distance_ = distance;
    return step > kClockJump || step < -kClockJump ? step : Millis(0);
  }

 private:
  const Clock& clock_;
  std::optional<Millis> distance_;
};

}  // namespace pgtend::store
