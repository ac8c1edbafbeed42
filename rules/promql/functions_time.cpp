#include <cmath>
#include <cstdint>
#include <limits>

#include "rules/promql/functions.hpp"
#include "rules/promql/query.hpp"

namespace pgtend::promql::functions {

namespace {

constexpr std::int64_t kDay = 86'400;

// A moment of the proleptic Gregorian calendar, UTC. std::chrono's years end long before those of a double do.
struct Moment {
  std::int64_t days = 0;     // since 1970-01-01
  std::int64_t seconds = 0;  // of the day
  std::int64_t year = 0;
  int month = 1, day = 1;
};

bool is_leap(std::int64_t year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

// Days from 1970-01-01 to the first of March of a year; years are counted from March, so that a leap day ends one.
std::int64_t days_to_march(std::int64_t year) {
  const std::int64_t cycle = year >= 0 ? year / 400 : (year - 399) / 400;
  const std::int64_t in_cycle = year - cycle * 400;
  // Source: 146,097 days are 400 years; 719,468 days lie between 0000-03-01 and 1970-01-01.
  return cycle * 146'097 + in_cycle * 365 + in_cycle / 4 - in_cycle / 100 - 719'468;
}

Moment moment_of(std::int64_t days, std::int64_t seconds) {
  Moment out{days, seconds};
  // A year from March too late at most by the leap days that the mean does not see.
  std::int64_t year = 1970 + static_cast<std::int64_t>(std::floor(static_cast<double>(days) / 365.2425));
  while (days_to_march(year + 1) <= days) ++year;
  while (days_to_march(year) > days) --year;
  const auto in_year = static_cast<int>(days - days_to_march(year));
  // Source: from March on, five months have 153 days.
  const int month = (5 * in_year + 2) / 153;
  out.day = in_year - (153 * month + 2) / 5 + 1;
  out.month = month < 10 ? month + 3 : month - 9;
  out.year = year + (out.month <= 2 ? 1 : 0);
  return out;
}

// As Prometheus converts: what no 64-bit integer holds (NaN and Inf too) is the smallest one, and a time before the
// beginning of its calendar is one after its end.
Moment moment_of(double unix_seconds) {
  constexpr double kTwo63 = 9'223'372'036'854'775'808.0;
  constexpr std::int64_t kSmallest = std::numeric_limits<std::int64_t>::min();
  // Source: seconds from Go's earliest time to 1970.
  constexpr std::int64_t kBefore = 9'223'372'028'715'321'600;
  const bool fits = unix_seconds >= -kTwo63 && unix_seconds < kTwo63;
  const std::int64_t seconds = fits ? static_cast<std::int64_t>(unix_seconds) : kSmallest;
  std::int64_t days = seconds / kDay, rest = seconds % kDay;
  if (rest < 0) {
    --days;
    rest += kDay;
  }
  if (seconds < -kBefore) {
    // 2 to the power of 64 seconds later: 213,503,982,334,601 days and 25,216 seconds.
    days += 213'503'982'334'601;
    rest += 25'216;
    if (rest >= kDay) {
      ++days;
      rest -= kDay;
    }
  }
  return moment_of(days, rest);
}

template <class Part>
Result<Elements> date_part(Query& query, const Call& call, UtcTime at, Part part) {
  Elements elements;
  if (call.args.empty()) {
    elements.push_back({query.labels().intern(Labels()), to_seconds(at)});
  } else {
    auto found = query.vector(*call.args[0], at);
    if (!found) return found;
    elements = std::move(*found);
  }
  for (auto& element : elements) {
    const auto value = static_cast<double>(part(moment_of(element.value)));
    element = {query.labels().without_name(element.labels), value};
  }
  return elements;
}

}  // namespace

Result<Elements> minute(Query& query, const Call& call, UtcTime at) {
  return date_part(query, call, at, [](const Moment& m) { return m.seconds / 60 % 60; });
}
Result<Elements> hour(Query& query, const Call& call, UtcTime at) {
  return date_part(query, call, at, [](const Moment& m) { return m.seconds / 3600; });
}
Result<Elements> day_of_week(Query& query, const Call& call, UtcTime at) {
  // 1970-01-01 was a Thursday.
  return date_part(query, call, at, [](const Moment& m) { return ((m.days + 4) % 7 + 7) % 7; });
}
Result<Elements> day_of_month(Query& query, const Call& call, UtcTime at) {
  return date_part(query, call, at, [](const Moment& m) { return m.day; });
}
Result<Elements> day_of_year(Query& query, const Call& call, UtcTime at) {
  return date_part(query, call, at, [](const Moment& m) {
    // The first of January of a year comes 306 days after the first of March before it.
    return m.days - (days_to_march(m.year - 1) + 306) + 1;
  });
}
Result<Elements> days_in_month(Query& query, const Call& call, UtcTime at) {
  return date_part(query, call, at, [](const Moment& m) {
    constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return m.month == 2 && is_leap(m.year) ? 29 : kDays[m.month - 1];
  });
}
Result<Elements> month(Query& query, const Call& call, UtcTime at) {
  return date_part(query, call, at, [](const Moment& m) { return m.month; });
}
Result<Elements> year(Query& query, const Call& call, UtcTime at) {
  return date_part(query, call, at, [](const Moment& m) { return m.year; });
}

}  // namespace pgtend::promql::functions
