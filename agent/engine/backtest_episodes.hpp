#pragma once

#include <map>
#include <span>
#include <vector>

#include "agent/model/rule_review.hpp"
#include "alerts/template.hpp"

// From the moments at which a rule was true to the times its alerts would have fired; pure.
namespace pgtend::engine {

// A moment at which a rule was true of one element of its expression.
struct Moment {
  Sample sample;
  std::size_t series = 0;  // of ActiveTimes::series
};

// When a rule was true, by the labels of the alert that it makes: ascending moments.
struct ActiveTimes {
  std::vector<Labels> series;  // of the expression's elements
  std::map<Labels, std::vector<Moment>> alerts;
  std::map<Labels, std::vector<UtcTime>> held;  // when an alert that fires does not end, ascending
  std::vector<UtcTime> unknown;  // evaluations that told nothing, in which alerts stay as they are; ascending
  std::size_t alike = 0;         // evaluations among `unknown` in which two elements made one alert
};

struct LifeTimes {
  Millis step{0};  // between two evaluations
  Millis hold{0};  // `for`
  Millis keep{0};  // keep_firing_for
  int gaps = 0;    // evaluations in a row that an alert may be missing while it waits
  int worse = 0;   // 1: a higher value is worse, -1: a lower one, 0: one further from the first
  // One that waits and was not evaluated for longer waits anew. Source: Prometheus's default.
  Millis outage_tolerance{3'600'000};
};

struct RuleEpisode {
  AlertEpisode told;
  Labels alert;          // the alert's own labels, with those of the rule
  alerts::Firing fired;  // the element with its value when the alert fired: what the first message is about
};

struct Episodes {
  std::vector<RuleEpisode> fired;  // in the order of their beginning
  std::size_t near_misses = 0, flaps = 0;
  Millis longest_near_miss{0};
};

// Steps the life cycle over the moments. `blind`: stretches without evaluation, in which an alert is held as it is.
[[nodiscard]] Episodes episodes_of(const ActiveTimes& active, const LifeTimes& times, std::span<const TimeRange> blind,
                                   UtcTime end);

// Time within which at least one alert fires.
[[nodiscard]] Millis firing_time(std::span<const RuleEpisode> episodes);

// How many of `these` do not overlap any of `others` that may be about the same: no label that both have differs.
[[nodiscard]] std::size_t not_covered(std::span<const RuleEpisode> these, std::span<const RuleEpisode> others);

}  // namespace pgtend::engine
