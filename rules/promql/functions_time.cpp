#include <chrono>
#include <cmath>
#include <limits>

#include "rules/promql/functions.hpp"
#include "rules/promql/query.hpp"

namespace pgtend::promql::functions {

namespace {

struct Moment {
  std::chrono::sys_days day;
  std::chrono::year_month_day date;
  std::chrono::hh_mm_ss<std::chrono::seconds> clock;
};

// Source: years that std::chrono::year can hold, with a margin.
constexpr double kMaxSeconds = 9e11;

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
    double value = std::numeric_limits<double>::quiet_NaN();
    if (std::abs(element.value) < kMaxSeconds) {
      const std::chrono::sys_seconds seconds(std::chrono::seconds(static_cast<std::int64_t>(element.value)));
      const auto day = std::chrono::floor<std::chrono::days>(seconds);
      value = part(Moment{day, std::chrono::year_month_day(day), std::chrono::hh_mm_ss(seconds - day)});
    }
    element = {query.labels().without_name(element.labels), value};
  }
  return elements;
}

}  // namespace

Result<Elements> minute(Query& query, const Call& call, UtcTime at) {
  return date_part(query, call, at, [](const Moment& m) { return static_cast<double>(m.clock.minutes().count()); });
}
Result<Elements> hour(Query& query, const Call& call, UtcTime at) {
  return date_part(query, call, at, [](const Moment& m) { return static_cast<double>(m.clock.hours().count()); });
}
Result<Elements> day_of_week(Query& query, const Call& call, UtcTime at) {
  return date_part(query, call, at,
                   [](const Moment& m) { return static_cast<double>(std::chrono::weekday(m.day).c_encoding()); });
}
Result<Elements> day_of_month(Query& query, const Call& call, UtcTime at) {
  return date_part(query, call, at,
                   [](const Moment& m) { return static_cast<double>(static_cast<unsigned>(m.date.day())); });
}
Result<Elements> day_of_year(Query& query, const Call& call, UtcTime at) {
  return date_part(query, call, at, [](const Moment& m) {
    const std::chrono::sys_days new_year(m.date.year() / std::chrono::January / 1);
    return static_cast<double>((m.day - new_year).count() + 1);
  });
}
Result<Elements> days_in_month(Query& query, const Call& call, UtcTime at) {
  return date_part(query, call, at, [](const Moment& m) {
    const std::chrono::year_month_day_last last = m.date.year() / m.date.month() / std::chrono::last;
    return static_cast<double>(static_cast<unsigned>(last.day()));
  });
}
Result<Elements> month(Query& query, const Call& call, UtcTime at) {
  return date_part(query, call, at,
                   [](const Moment& m) { return static_cast<double>(static_cast<unsigned>(m.date.month())); });
}
Result<Elements> year(Query& query, const Call& call, UtcTime at) {
  return date_part(query, call, at,
                   [](const Moment& m) { return static_cast<double>(static_cast<int>(m.date.year())); });
}

}  // namespace pgtend::promql::functions
