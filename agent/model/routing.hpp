#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/model/matcher.hpp"

// Who is told of which alert and when: the plain types behind a subset of alertmanager.yml.
namespace pgtend {

// Tells one more receiver when nobody acknowledged for so long.
struct EscalationStep {
  Millis after{0};
  std::string receiver;
};

// One node of the routing tree; what is not set is the parent's (the intervals' names are not inherited, as in
// Alertmanager).
struct Route {
  std::string receiver;
  std::vector<Matcher> matchers;
  std::optional<std::vector<std::string>> group_by;  // "..." alone: by all labels
  std::optional<Millis> group_wait, group_interval, repeat_interval;
  bool continues = false;  // `continue`: siblings after this one are tried as well
  std::vector<std::string> mute_time_intervals, active_time_intervals;
  std::vector<EscalationStep> escalate;
  std::vector<Route> routes;
};

// While an alert that matches `source` fires, those that match `target` and have equal values of `equal` are not sent.
struct InhibitRule {
  std::vector<Matcher> source, target;
  std::vector<std::string> equal;
};

// Both ends belong to it.
struct NumberRange {
  int first = 0, last = 0;
};
// Minutes after midnight, [start, end).
struct MinuteRange {
  int start = 0, end = 24 * 60;
};
// A set of moments in one time zone; an empty list does not restrict.
struct TimeInterval {
  std::vector<MinuteRange> times;
  std::vector<NumberRange> weekdays;       // 0 Sunday .. 6
  std::vector<NumberRange> days_of_month;  // 1..31, or -1 the last day .. -31
  std::vector<NumberRange> months;         // 1..12
  std::vector<NumberRange> years;
  std::string location = "UTC";  // IANA name
};
// Holds when one of its intervals does.
struct NamedIntervals {
  std::string name;
  std::vector<TimeInterval> intervals;
};

// Keeps alerts from being sent: until a time, until they are resolved, or until somebody ends it.
struct Silence {
  std::string id;
  std::vector<Matcher> matchers;
  UtcTime starts_at;
  std::optional<UtcTime> ends_at;  // absent: until_resolved
  bool until_resolved = false;     // ends as soon as no alert that it matches is pending or firing
  std::string created_by;          // a person
  std::string comment;
  std::optional<UtcTime> ended_at;
};

}  // namespace pgtend
