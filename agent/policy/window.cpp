#include "agent/policy/window.hpp"

#include <cctz/civil_time.h>
#include <cctz/time_zone.h>

#include <algorithm>
#include <string>

namespace pgtend::policy {

namespace {

// Weekly windows repeat within 8 days; a jump may swallow one, so a second week and a margin are looked at.
constexpr int kDaysAhead = 35;

std::optional<cctz::time_zone> load(std::string_view name) {
  cctz::time_zone zone;
  if (!cctz::load_time_zone(std::string(name), &zone)) return std::nullopt;
  return zone;
}

UtcTime moment(const cctz::time_zone& zone, const cctz::civil_second& local) {
  const auto found = zone.lookup(local);
  // Skipped: the jump. Repeated: the first of the two, which is `pre`.
  const auto at = found.kind == cctz::time_zone::civil_lookup::SKIPPED ? found.trans : found.pre;
  return std::chrono::time_point_cast<Millis>(at);
}

cctz::civil_day local_day(const cctz::time_zone& zone, UtcTime now) {
  return cctz::civil_day(cctz::convert(std::chrono::floor<cctz::seconds>(now), zone));
}

// cctz counts from Monday, the model from Sunday.
int day_number(const cctz::civil_day& day) {
  return (static_cast<int>(cctz::get_weekday(day)) + 1) % 7;
}

// The occurrence that starts on this local day, if there is one.
std::optional<WindowSpan> occurrence(const PolicyWindow& window, const cctz::time_zone& zone,
                                     const cctz::civil_day& day) {
  const bool wanted =
      window.days.empty() || std::find(window.days.begin(), window.days.end(), day_number(day)) != window.days.end();
  if (!wanted) return std::nullopt;
  const cctz::civil_minute midnight(day);
  const int end = window.end_minute > window.start_minute ? window.end_minute : window.end_minute + 24 * 60;
  const WindowSpan span{moment(zone, cctz::civil_second(midnight + window.start_minute)),
                        moment(zone, cctz::civil_second(midnight + end))};
  if (span.to <= span.from) return std::nullopt;
  return span;
}

}  // namespace

bool is_known_time_zone(std::string_view name) {
  return load(name).has_value();
}

std::optional<WindowSpan> current_occurrence(const PolicyWindow& window, UtcTime now) {
  const auto zone = load(window.time_zone);
  if (!zone) return std::nullopt;
  const auto today = local_day(*zone, now);
  // A window that runs past midnight started yesterday; the day before is for clocks set back across midnight.
  for (int back = 0; back <= 2; ++back) {
    const auto span = occurrence(window, *zone, today - back);
    if (span && span->from <= now && now < span->to) return span;
  }
  return std::nullopt;
}

bool is_open(const PolicyWindow& window, UtcTime now) {
  return current_occurrence(window, now).has_value();
}

std::optional<UtcTime> window_start(const PolicyWindow& window, UtcTime now) {
  const auto span = current_occurrence(window, now);
  return span ? std::optional(span->from) : std::nullopt;
}

std::optional<WindowSpan> next_occurrence(const PolicyWindow& window, UtcTime now) {
  const auto zone = load(window.time_zone);
  if (!zone) return std::nullopt;
  const auto today = local_day(*zone, now);
  for (int ahead = -1; ahead <= kDaysAhead; ++ahead) {
    const auto span = occurrence(window, *zone, today + ahead);
    if (span && span->from > now) return span;
  }
  return std::nullopt;
}

std::optional<UtcTime> next_opening(const PolicyWindow& window, UtcTime now) {
  const auto span = next_occurrence(window, now);
  return span ? std::optional(span->from) : std::nullopt;
}

}  // namespace pgtend::policy
