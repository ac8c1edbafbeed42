#include "agent/http/retry.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>

namespace pgtend::http {

namespace {

constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// "Wed, 21 Oct 2015 07:28:00 GMT", the form of HTTP dates that is still written. Source: RFC 9110 section 5.6.7.
std::optional<UtcTime> parse_http_date(const std::string& text) {
  char month[4] = {};
  int day = 0, year = 0, hour = 0, minute = 0, second = 0;
  if (std::sscanf(text.c_str(), "%*3s, %2d %3s %4d %2d:%2d:%2d GMT", &day, month, &year, &hour, &minute, &second) != 6)
    return std::nullopt;
  const auto found =
      std::find_if(kMonths.begin(), kMonths.end(), [&](const char* m) { return std::strcmp(m, month) == 0; });
  if (found == kMonths.end()) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(found - kMonths.begin()) + 1),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
}

std::optional<Millis> parse_retry_after(const std::string& text, UtcTime now) {
  std::int64_t seconds = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  Millis wait{0};
  if (ec == std::errc() && end == text.data() + text.size()) {
    wait = Millis(1000 * std::clamp<std::int64_t>(seconds, 0, kLongestRetryAfter.count()));
  } else if (const auto date = parse_http_date(text)) {
    wait = *date - now;
  } else {
    return std::nullopt;
  }
  return std::clamp(wait, Millis(0), kLongestRetryAfter);
}

}  // namespace

bool is_retryable(int status) {
  return status == 408 || status == 425 || status == 429 || status >= 500;
}

std::optional<Millis> retry_after(const std::map<std::string, std::string>& headers, UtcTime now) {
  const auto header = headers.find("retry-after");
  return header == headers.end() ? std::nullopt : parse_retry_after(header->second, now);
}

}  // namespace pgtend::http
