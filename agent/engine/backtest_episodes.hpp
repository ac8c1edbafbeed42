#pragma once

#include <map>
#include <span>
#include <vector>

#include "agent/model/rule_review.hpp"

// From the moments at which a rule was true to the times its alerts would have fired; pure.
namespace pgtend::engine {

// When a rule was true, per label set: ascending moments with the value then.
using ActiveTimes = std::map<Labels, std::vector<Sample>>;

struct LifeTimes {
  Millis step{0};  // between two evaluations
  Millis hold{0};  // `for`
  Millis keep{0};  // keep_firing_for
};

struct Episodes {
  std::vector<AlertEpisode> fired;  // in the order of their beginning
  std::size_t near_misses = 0, flaps = 0;
  Millis longest_near_miss{0};
};

// Steps the life cycle over the moments. `blind`: stretches without evaluation, in which an alert is held as it is.
[[nodiscard]] Episodes episodes_of(const ActiveTimes& active, const LifeTimes& times, std::span<const TimeRange> blind,
                                   UtcTime end);

// Time within which at least one alert fires.
[[nodiscard]] Millis firing_time(std::span<const AlertEpisode> episodes);

// How many of `these` do not overlap any of `others`.
[[nodiscard]] std::size_t not_covered(std::span<const AlertEpisode> these, std::span<const AlertEpisode> others);

}  // namespace pgtend::engine
