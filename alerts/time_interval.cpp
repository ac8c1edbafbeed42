#include "alerts/time_interval.hpp"

#include <cctz/civil_time.h>
#include <cctz/time_zone.h>

#include <algorithm>

namespace pgtend::alerts {

namespace {

bool in_ranges(const std::vector<NumberRange>& ranges, int value) {
  return ranges.empty() || std::any_of(ranges.begin(), ranges.end(), [value](const NumberRange& range) {
           return range.first <= value && value <= range.last;
         });
}

int days_in_month(const cctz::civil_second& local) {
  const cctz::civil_month month(local);
  return static_cast<int>(cctz::civil_day(month + 1) - cctz::civil_day(month));
}

// Negative days count from the end of the month; a range that leaves the month is cut to it, as in Alertmanager.
bool in_days_of_month(const std::vector<NumberRange>& ranges, const cctz::civil_second& local) {
  if (ranges.empty()) return true;
  const int days = days_in_month(local);
  return std::any_of(ranges.begin(), ranges.end(), [&](NumberRange range) {
    if (range.first < 0) range.first = days + range.first + 1;
    if (range.last < 0) range.last = days + range.last + 1;
    // Both ends before the first or beyond the last: this month has no such day.
    if (range.first > days || range.last < 1) return false;
    return std::max(range.first, 1) <= local.day() && local.day() <= std::min(range.last, days);
  });
}

// cctz counts from Monday, time intervals from Sunday.
int weekday(const cctz::civil_second& local) {
  return (static_cast<int>(cctz::get_weekday(cctz::civil_day(local))) + 1) % 7;
}

}  // namespace

bool contains(const TimeInterval& interval, UtcTime now) {
  cctz::time_zone zone;
  if (!cctz::load_time_zone(interval.location, &zone)) return false;
  const auto local = cctz::convert(std::chrono::floor<cctz::seconds>(now), zone);
  const int minute = local.hour() * 60 + local.minute();
  const bool in_times = interval.times.empty() ||
                        std::any_of(interval.times.begin(), interval.times.end(), [minute](const MinuteRange& range) {
                          return range.start <= minute && minute < range.end;
                        });
  return in_times && in_days_of_month(interval.days_of_month, local) && in_ranges(interval.months, local.month()) &&
         in_ranges(interval.weekdays, weekday(local)) && in_ranges(interval.years, static_cast<int>(local.year()));
}

bool contains(const NamedIntervals& intervals, UtcTime now) {
  return std::any_of(intervals.intervals.begin(), intervals.intervals.end(),
                     [now](const TimeInterval& interval) { return contains(interval, now); });
}

}  // namespace pgtend::alerts
