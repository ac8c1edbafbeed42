#pragma once

#include <map>
#include <optional>

#include "agent/model/notification.hpp"

// An alert that fires and resolves again and again is told once as flapping; its resolve then counts only after a while
// of calm that grows with every further change.
namespace pgtend::alerts {

struct FlapOptions {
  int per_hour = 8;  // changes of one alert within an hour above which it flaps; 0: never
};

// Source: alerting reference section 2, flapping: backoff on resolves by 1.5, at most an hour. The first hold is one
// default group_interval.
inline constexpr Millis kFirstHold{300'000}, kLongestHold{3'600'000};
// Transitions remembered of one alert; enough for the longest hold (300 s × 1.5^7 is over an hour).
inline constexpr std::size_t kTransitionsKept = 32;
// Alerts whose transitions are remembered. Source: the most alerts of all rules that the engine keeps is far below.
inline constexpr std::size_t kFlapMemories = 10'000;

// Notes what an alert does now; only a change of its state counts.
void note_transition(std::map<std::uint64_t, FlapMemory>& flaps, std::uint64_t fingerprint, const Alert& alert,
                     UtcTime now);
// Forgets what is older than an hour.
void forget_old_transitions(std::map<std::uint64_t, FlapMemory>& flaps, UtcTime now);

// How long a resolve must wait now; nullopt: the alert does not flap.
[[nodiscard]] std::optional<Millis> resolve_hold(const std::map<std::uint64_t, FlapMemory>& flaps,
                                                 std::uint64_t fingerprint, const FlapOptions& options, UtcTime now);

}  // namespace pgtend::alerts
