#include "alerts/template_numbers.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "agent/base/clock.hpp"
#include "alerts/template.hpp"

namespace pgtend::alerts {

std::string go_number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  if (value == 0) return std::signbit(value) ? "-0" : "0";
  char out[40];
  const auto scientific = std::to_chars(out, out + sizeof out, value, std::chars_format::scientific);
  const std::string text(out, scientific.ptr);
  const int exponent = std::atoi(text.c_str() + text.find('e') + 1);
  // Source: Go strconv, format %g with the shortest precision: exponents outside [-4, 6) print in %e.
  if (exponent < -4 || exponent >= 6) return text;
  const auto fixed = std::to_chars(out, out + sizeof out, value, std::chars_format::fixed);
  return std::string(out, fixed.ptr);
}

}  // namespace pgtend::alerts

namespace pgtend::alerts::templates {

namespace {

std::string four_digits(double value) {
  if (!std::isfinite(value)) return go_number(value);
  char out[32];
  std::snprintf(out, sizeof out, "%.4g", value);
  return out;
}

}  // namespace

std::string humanize(double v) {
  if (v == 0 || !std::isfinite(v)) return four_digits(v);
  constexpr std::array<const char*, 8> large{"k", "M", "G", "T", "P", "E", "Z", "Y"};
  constexpr std::array<const char*, 8> small{"m", "u", "n", "p", "f", "a", "z", "y"};
  std::string prefix;
  if (std::fabs(v) >= 1) {
    for (const auto* p : large) {
      if (std::fabs(v) < 1000) break;
      prefix = p;
      v /= 1000;
    }
  } else {
    for (const auto* p : small) {
      if (std::fabs(v) >= 1) break;
      prefix = p;
      v *= 1000;
    }
  }
  return four_digits(v) + prefix;
}

std::string humanize1024(double v) {
  if (std::fabs(v) <= 1 || !std::isfinite(v)) return four_digits(v);
  constexpr std::array<const char*, 8> units{"ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"};
  std::string prefix;
  for (const auto* p : units) {
    if (std::fabs(v) < 1024) break;
    prefix = p;
    v /= 1024;
  }
  return four_digits(v) + prefix;
}

std::string humanize_duration(double v) {
  if (!std::isfinite(v)) return four_digits(v);
  if (v == 0) return "0s";
  if (std::fabs(v) < 1) return humanize(v) + "s";
  const std::string sign = v < 0 ? "-" : "";
  v = std::fabs(v);
  if (v >= 9.2e18) return sign + four_digits(v) + "s";
  const auto total = static_cast<std::int64_t>(v);
  const std::string s = std::to_string(total % 60) + "s", m = std::to_string(total / 60 % 60) + "m ";
  const std::string h = std::to_string(total / 3600 % 24) + "h ";
  if (total >= 86400) return sign + std::to_string(total / 86400) + "d " + h + m + s;
  if (total >= 3600) return sign + h + m + s;
  if (total >= 60) return sign + m + s;
  return sign + four_digits(v) + "s";
}

std::string humanize_percentage(double v) {
  return four_digits(v * 100) + "%";
}

std::string humanize_timestamp(double seconds) {
  if (!std::isfinite(seconds)) return four_digits(seconds);
  const auto at = UtcTime(Millis(static_cast<std::int64_t>(std::floor(seconds * 1000))));
  const auto text = to_rfc3339(at);  // 2023-11-14T22:13:20.125Z
  std::string out = text.substr(0, 10) + " " + text.substr(11, 8);
  auto fraction = text.size() > 20 ? text.substr(19, text.size() - 20) : std::string();
  while (fraction.ends_with('0')) fraction.pop_back();
  return out + (fraction == "." ? "" : fraction) + " +0000 UTC";
}

}  // namespace pgtend::alerts::templates
