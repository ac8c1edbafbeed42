#pragma once

#include <chrono>
#include <optional>

#include "agent/base/clock.hpp"

namespace pgtend {

// Notices that the wall clock was set, or that the machine slept, while steady time went on.
class ClockSteps {
 public:
  // `drift`: a change of the distance between wall and steady time up to this is none.
  ClockSteps(const Clock& clock, Millis drift) : clock_(clock), drift_(drift) {}

  // By how much the wall clock was set since the last look, forward above 0; 0 when it was not, or at the first look.
  Millis look() {
    const auto steady = std::chrono::duration_cast<Millis>(clock_.steady_now().time_since_epoch());
    const auto distance = std::chrono::duration_cast<Millis>(clock_.now().time_since_epoch()) - steady;
    const auto step = distance - distance_.value_or(distance);
    distance_ = distance;
    return step > drift_ || step < -drift_ ? step : Millis(0);
  }

 private:
  const Clock& clock_;
  Millis drift_;
  std::optional<Millis> distance_;
};

}  // namespace pgtend
