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

// Longest width and precision of a verb. Source: nobody pads a text for people further.
constexpr int kWidest = 100;

std::string with_format(const char* format, double value) {
  char out[512];
  const int n = std::snprintf(out, sizeof out, format, value);
  return std::string(out, static_cast<std::size_t>(std::min<int>(std::max(0, n), sizeof out - 1)));
}

std::string four_digits(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return with_format("%.4g", value);
}

// "%-8.2f", taken apart.
struct Verb {
  std::string flags;
  int width = 0, precision = -1;
  char kind = 'v';
};

std::string padded(std::string text, const Verb& verb) {
  const auto width = static_cast<std::size_t>(verb.width);
  if (text.size() >= width) return text;
  const std::string pad(width - text.size(), ' ');
  return verb.flags.find('-') == std::string::npos ? pad + text : text + pad;
}

std::string number_text(double value, const Verb& verb, char kind) {
  if (!std::isfinite(value)) return padded(four_digits(value), verb);
  std::string format = "%" + verb.flags;
  if (verb.width > 0) format += std::to_string(verb.width);
  if (verb.precision >= 0) format += "." + std::to_string(verb.precision);
  if (kind == 'g' && verb.precision < 0) return padded(go_number(value), verb);
  return with_format((format + kind).c_str(), value);
}

// What Go prints where verb and value do not fit.
std::string misfit(const Value& value, char kind) {
  return std::string("%!") + kind + "(" + type_of(value) + "=" + printed(value) + ")";
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? std::string("\\n") : c == '\t' ? std::string("\\t") : std::string(1, c);
  }
  return out + "\"";
}

std::string one(const Verb& verb, const Value& value) {
  const auto* number = std::get_if<double>(&value);
  const auto* whole = std::get_if<std::int64_t>(&value);
  const auto* text = std::get_if<std::string>(&value);
  switch (verb.kind) {
    case 'v':
      if (number != nullptr) return number_text(*number, verb, 'g');
      return padded(printed(value), verb);
    case 's':
      if (text == nullptr) return misfit(value, 's');
      return padded(verb.precision < 0 ? *text : text->substr(0, static_cast<std::size_t>(verb.precision)), verb);
    case 'q':
      return text == nullptr ? misfit(value, 'q') : padded(quoted(*text), verb);
    case 'd':
      if (whole == nullptr) return misfit(value, 'd');
      return number_text(static_cast<double>(*whole), {verb.flags, verb.width, 0, 'f'}, 'f');
    case 't':
      return std::holds_alternative<bool>(value) ? padded(printed(value), verb) : misfit(value, 't');
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
      return number == nullptr ? misfit(value, verb.kind) : number_text(*number, verb, verb.kind);
    default:
      return misfit(value, verb.kind);
  }
}

int digits(const std::string& format, std::size_t& at) {
  int out = 0;
  for (; at < format.size() && format[at] >= '0' && format[at] <= '9'; ++at)
    out = std::min(kWidest, out * 10 + (format[at] - '0'));
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
  if (std::fabs(seconds) > 9.22e9) return {};
  const auto at = UtcTime(Millis(static_cast<std::int64_t>(std::floor(seconds * 1000))));
  const auto text = to_rfc3339(at);  // 2023-11-14T22:13:20.125Z
  std::string out = text.substr(0, 10) + " " + text.substr(11, 8);
  auto fraction = text.size() > 20 ? text.substr(19, text.size() - 20) : std::string();
  while (fraction.ends_with('0')) fraction.pop_back();
  return out + (fraction == "." ? "" : fraction) + " +0000 UTC";
}

std::string go_printf(const std::vector<Value>& arguments) {
  const auto* given = std::get_if<std::string>(&arguments.front());
  const std::string format = given == nullptr ? std::string() : *given;
  std::string out;
  std::size_t next = 1;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      out += format[i];
      continue;
    }
    Verb verb;
    for (++i; i < format.size() && std::string_view("+-# 0").find(format[i]) != std::string_view::npos; ++i)
      if (verb.flags.size() < 8) verb.flags += format[i];
    verb.width = digits(format, i);
    if (i < format.size() && format[i] == '.') verb.precision = digits(format, ++i);
    if (i >= format.size()) return out + "%!(NOVERB)";
    verb.kind = format[i];
    if (verb.kind == '%') {
      out += '%';
    } else {
      out += next < arguments.size() ? one(verb, arguments[next]) : std::string("%!") + verb.kind + "(MISSING)";
      ++next;
    }
  }
  if (next >= arguments.size()) return out;
  out += "%!(EXTRA ";
  for (std::size_t i = next; i < arguments.size(); ++i)
    out += (i == next ? "" : ", ") + type_of(arguments[i]) + "=" + printed(arguments[i]);
  return out + ")";
}

}  // namespace pgtend::alerts::templates
