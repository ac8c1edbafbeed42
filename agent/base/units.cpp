#include "agent/base/units.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>

#include "agent/base/strings.hpp"

namespace pgtend {

namespace {

struct DurationUnit {
  std::string_view name;
  std::int64_t ms;
};

// Source: Prometheus documentation, "Time durations": a day has 24 h, a week 7 d, a year 365 d.
constexpr std::array<DurationUnit, 7> kDurationUnits{{{"y", 365LL * 86400000},
                                                      {"w", 7LL * 86400000},
                                                      {"d", 86400000},
                                                      {"h", 3600000},
                                                      {"m", 60000},
                                                      {"s", 1000},
                                                      {"ms", 1}}};

}  // namespace

Result<Millis> parse_duration(std::string_view text) {
  const auto bad = [&] {
    return fail(Errc::invalid_argument,
                "'" + std::string(text) + "' is not a duration; write it like 500ms, 30s, 5m, 1h30m or 7d");
  };
  if (text == "0") return Millis(0);
  if (text.empty()) return bad();
  std::int64_t total = 0;
  std::size_t next_unit = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    std::int64_t number = 0;
    const auto [end, ec] = std::from_chars(text.data() + at, text.data() + text.size(), number);
    if (ec != std::errc() || number < 0 || text[at] == '-') return bad();
    at = static_cast<std::size_t>(end - text.data());
    std::size_t unit_end = at;
    while (unit_end < text.size() && text[unit_end] >= 'a' && text[unit_end] <= 'z') ++unit_end;
    const std::string_view unit = text.substr(at, unit_end - at);
    std::size_t found = next_unit;
    while (found < kDurationUnits.size() && kDurationUnits[found].name != unit) ++found;
    if (found == kDurationUnits.size()) return bad();
    const std::int64_t ms = kDurationUnits[found].ms;
    if (number > (std::numeric_limits<std::int64_t>::max() - total) / ms) return bad();
    total += number * ms;
    next_unit = found + 1;
    at = unit_end;
  }
  return Millis(total);
}

std::string format_duration(Millis value) {
  std::int64_t rest = value.count();
  if (rest == 0) return "0s";
  std::string out = rest < 0 ? "-" : "";
  if (rest < 0) rest = -rest;
  for (const auto& unit : kDurationUnits) {
    // "90d" reads better than "12w6d": weeks and years only when they divide exactly, as Prometheus prints them.
    if ((unit.name == "y" || unit.name == "w") && rest % unit.ms != 0) continue;
    if (rest >= unit.ms) {
      out += std::to_string(rest / unit.ms) + std::string(unit.name);
      rest %= unit.ms;
    }
  }
  return out;
}

Result<std::int64_t> parse_bytes(std::string_view text) {
  const auto bad = [&] {
    return fail(Errc::invalid_argument,
                "'" + std::string(text) + "' is not a size; write it like 8192, 64kB, 512MB, 10GB or 1TB");
  };
  std::int64_t number = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (ec != std::errc() || number < 0) return bad();
  std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  int shift = -1;
  if (unit.empty() || unit == "B") shift = 0;
  if (unit == "kB") shift = 10;
  if (unit == "MB") shift = 20;
  if (unit == "GB") shift = 30;
  if (unit == "TB") shift = 40;
  if (shift < 0 || number > (std::numeric_limits<std::int64_t>::max() >> shift)) return bad();
  return number << shift;
}

std::string format_bytes(double bytes) {
  constexpr std::array<const char*, 5> units{"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  while ((bytes >= 1024 || bytes <= -1024) && unit + 1 < units.size()) {
    bytes /= 1024;
    ++unit;
  }
  char out[48];
  std::snprintf(out, sizeof out, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
  return out;
}

namespace {

// Shortest reading of a span; from two minutes on its parts, as in a configuration ("2h5m").
std::string format_span(double seconds) {
  constexpr double kInParts = 120, kMost = 1e12;
  const double size = std::abs(seconds);
  if (size >= kInParts && size < kMost)
    return format_duration(Millis(static_cast<std::int64_t>(std::round(seconds)) * 1000));
  if (size >= 1 || size == 0) return format_number(seconds) + " s";
  if (size >= 1e-3) return format_number(seconds * 1e3) + " ms";
  return format_number(seconds * 1e6) + " µs";
}

}  // namespace

std::string format_number(double value) {
  if (!std::isfinite(value)) return format_double(value);
  const double size = std::abs(value);
  if (size > 0 && size < 0.001) return value < 0 ? ">-0.001" : "<0.001";
  int digits = 0;  // after the point, so that three are significant
  for (double at = 100; at > 0.001 && size > 0 && size < at; at /= 10) ++digits;
  char out[400];
  std::snprintf(out, sizeof out, "%.*f", digits, value);
  std::string text = out;
  if (digits == 0) return text;
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string format_quantity(double value, std::string_view unit) {
  if (!std::isfinite(value)) return format_double(value) + (unit.empty() ? "" : " " + std::string(unit));
  const auto slash = unit.find('/');
  const std::string_view what = unit.substr(0, slash);
  const std::string per = slash == std::string_view::npos ? "" : std::string(unit.substr(slash));
  if (what == "bytes") return format_bytes(value) + per;
  if (what == "seconds") return format_span(value) + per;
  if (what == "ms") return format_span(value / 1000) + per;
  if (unit == "ratio") return format_number(value * 100) + " %";
  if (what == "1") return format_number(value) + per;
  return format_number(value) + (unit.empty() ? "" : " " + std::string(unit));
}

}  // namespace pgtend
