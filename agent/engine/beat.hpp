#pragma once

#include <chrono>

#include "agent/base/clock.hpp"

namespace pgtend::engine {

// The moments at which what recurs is done together: every waking of a thread, commit to disk and round of rules has
// its price, whatever it is for. Source: a dozen collectors every ten seconds at moments of their own had 32 commits and
// 150 rounds of rules in a minute.
inline constexpr Millis kBeat{10'000};

// The beat at or before a moment.
[[nodiscard]] inline Deadline beat_before(Deadline at) {
  return at - at.time_since_epoch() % kBeat;
}

// The whole second next to a deadline, for what recurs after `every`, at least a second.
[[nodiscard]] inline Deadline on_the_second(Deadline at, Millis every) {
  return every < std::chrono::seconds(1) ? at : std::chrono::round<std::chrono::seconds>(at);
}

}  // namespace pgtend::engine
