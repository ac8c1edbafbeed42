#include "agent/base/clock.hpp"

#include <cctype>
#include <cstdio>

namespace pgtend {

using namespace std::chrono;

std::string to_rfc3339(UtcTime t) {
  const auto day = floor<days>(t);
  const year_month_day date(day);
  const hh_mm_ss time(t - day);
  char out[40];
  const int ms = static_cast<int>(time.subseconds().count());
  int n = std::snprintf(out, sizeof out, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                        static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                        static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                        static_cast<int>(time.seconds().count()));
  std::string text(out, static_cast<std::size_t>(n));
  if (ms != 0) {
    n = std::snprintf(out, sizeof out, ".%03d", ms);
    text.append(out, static_cast<std::size_t>(n));
  }
  return text + "Z";
}

namespace {

std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return std::nullopt;
  int value = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

}  // namespace

std::optional<UtcTime> parse_rfc3339(std::string_view text) {
  const auto y = digits(text, 0, 4), mo = digits(text, 5, 2), d = digits(text, 8, 2);
  const auto h = digits(text, 11, 2), mi = digits(text, 14, 2), s = digits(text, 17, 2);
  if (!y || !mo || !d || !h || !mi || !s) return std::nullopt;
  if (text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != ' ') || text[13] != ':' || text[16] != ':')
    return std::nullopt;
  const year_month_day date{year(*y), month(static_cast<unsigned>(*mo)), day(static_cast<unsigned>(*d))};
  if (!date.ok() || *h > 23 || *mi > 59 || *s > 60) return std::nullopt;
  std::size_t at = 19;
  std::int64_t ms = 0;
  if (at < text.size() && text[at] == '.') {
    std::int64_t scale = 100;
    ++at;
    if (at >= text.size() || !std::isdigit(static_cast<unsigned char>(text[at]))) return std::nullopt;
    for (; at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])); ++at, scale /= 10)
      ms += (text[at] - '0') * scale;
  }
  minutes offset{0};
  if (at >= text.size()) return std::nullopt;
  if (text[at] == 'Z' && at + 1 == text.size()) {
    offset = minutes(0);
  } else if ((text[at] == '+' || text[at] == '-') && at + 6 == text.size() && text[at + 3] == ':') {
    const auto oh = digits(text, at + 1, 2), om = digits(text, at + 4, 2);
    if (!oh || !om) return std::nullopt;
    offset = hours(*oh) + minutes(*om);
    if (text[at] == '-') offset = -offset;
  } else {
    return std::nullopt;
  }
  return UtcTime(sys_days(date).time_since_epoch() + hours(*h) + minutes(*mi) + seconds(*s) + Millis(ms) - offset);
}

UtcTime SystemClock::now() const {
  return floor<Millis>(system_clock::now());
}

Deadline SystemClock::steady_now() const {
  return steady_clock::now();
}

}  // namespace pgtend
