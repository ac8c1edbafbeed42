#include "collectors/timestamps.hpp"

#include <charconv>
#include <cstdint>

namespace pgtend::collectors {
namespace {

// Takes exactly `digits` digits off the front.
std::optional<int> take(std::string_view& text, std::size_t digits) {
  int value = 0;
  if (text.size() < digits) return std::nullopt;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + digits, value);
  if (ec != std::errc() || end != text.data() + digits) return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

bool take_char(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

// ".123456" as milliseconds, cut off below.
int take_fraction(std::string_view& text) {
  if (!take_char(text, '.')) return 0;
  int millis = 0, weight = 100;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    millis += (text.front() - '0') * weight;
    weight /= 10;
    text.remove_prefix(1);
  }
  return millis;
}

// "+05", "+05:30" or "-00:17:30" in seconds.
std::optional<int> take_offset(std::string_view& text) {
  const bool negative = !text.empty() && text.front() == '-';
  if (!negative && (text.empty() || text.front() != '+')) return std::nullopt;
  text.remove_prefix(1);
  int seconds = 0, unit = 3600;
  do {
    const auto part = take(text, 2);
    if (!part) return std::nullopt;
    seconds += *part * unit;
    unit /= 60;
  } while (unit > 0 && take_char(text, ':'));
  return negative ? -seconds : seconds;
}

}  // namespace

std::optional<UtcTime> parse_timestamptz(std::string_view text) {
  using namespace std::chrono;
  const auto y = take(text, 4);
  if (!y || !take_char(text, '-')) return std::nullopt;
  const auto mon = take(text, 2);
  if (!mon || !take_char(text, '-')) return std::nullopt;
  const auto d = take(text, 2);
  if (!d || !take_char(text, ' ')) return std::nullopt;
  const auto h = take(text, 2);
  if (!h || !take_char(text, ':')) return std::nullopt;
  const auto min = take(text, 2);
  if (!min || !take_char(text, ':')) return std::nullopt;
  const auto s = take(text, 2);
  if (!s) return std::nullopt;
  const int millis = take_fraction(text);
  const auto offset = take_offset(text);
  const year_month_day date{year{*y}, month{static_cast<unsigned>(*mon)}, day{static_cast<unsigned>(*d)}};
  if (!offset || !text.empty() || !date.ok()) return std::nullopt;
  return UtcTime(sys_days(date)) + hours(*h) + minutes(*min) + seconds(*s) + Millis(millis) - seconds(*offset);
}

}  // namespace pgtend::collectors
