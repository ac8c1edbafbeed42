#include "alerts/template_printf.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string_view>

#include "alerts/template.hpp"
#include "alerts/template_letters.hpp"

namespace pgtend::alerts::templates {

namespace {

// Longest width and precision of a verb. Source: nobody pads a text for people further; Go does to a million, with
// which a short template would take all memory.
constexpr int kWidest = 1'000;

// "%-8.2f", taken apart.
struct Verb {
  std::string flags;
  int width = 0, precision = -1;
  char kind = 'v';

  [[nodiscard]] bool has(char flag) const { return flags.find(flag) != std::string::npos; }
  [[nodiscard]] bool zeros() const { return has('0') && !has('-'); }
};

// Text up to the end of its letter number `count`.
std::string letters_of(const std::string& text, int count) {
  std::size_t at = 0;
  for (; count > 0 && at < text.size(); --count) at += first_letter(std::string_view(text).substr(at)).size;
  return text.substr(0, at);
}

int length(const std::string& text) {
  int out = 0;
  for (std::size_t at = 0; at < text.size(); ++out) at += first_letter(std::string_view(text).substr(at)).size;
  return out;
}

std::string padded(std::string text, const Verb& verb, char with = ' ') {
  const int missing = verb.width - length(text);
  if (missing <= 0) return text;
  const std::string pad(static_cast<std::size_t>(missing), with);
  return verb.has('-') ? text + pad : pad + text;
}

std::string padded_text(std::string text, const Verb& verb) {
  return padded(std::move(text), verb, verb.zeros() ? '0' : ' ');
}

std::string sign_of(bool negative, const Verb& verb) {
  if (negative) return "-";
  if (verb.has('+') && verb.kind != 'v') return "+";
  return verb.has(' ') ? " " : "";
}

// `digits` without a sign; zeros stand between both.
std::string signed_text(bool negative, std::string digits, const Verb& verb, bool zeros) {
  const auto sign = sign_of(negative, verb);
  const int missing = verb.width - static_cast<int>(sign.size() + digits.size());
  if (zeros && missing > 0) digits.insert(0, static_cast<std::size_t>(missing), '0');
  return padded(sign + digits, verb);
}

// What Go prints where verb and value do not fit.
std::string misfit(const Value& value, char kind) {
  if (std::holds_alternative<std::monostate>(value)) return std::string("%!") + kind + "(<nil>)";
  return std::string("%!") + kind + "(" + type_of(value) + "=" + printed(value) + ")";
}

std::string with_format(const char* format, unsigned value) {
  char out[16];
  std::snprintf(out, sizeof out, format, value);
  return out;
}

std::string escaped(char32_t code) {
  return with_format(code < 0x80 ? "\\x%02x" : code < 0x10000 ? "\\u%04x" : "\\U%08x", code);
}

// One letter inside of quotes. Source: Go strconv.Quote.
std::string quoted_letter(char32_t code, char quote, bool ascii) {
  constexpr std::string_view kMeant = "\a\b\f\n\r\t\v\\", kNames = "abfnrtv\\";
  if (code == static_cast<unsigned char>(quote)) return std::string("\\") + quote;
  if (code < 0x80)
    if (const auto found = kMeant.find(static_cast<char>(code)); found != std::string_view::npos)
      return std::string("\\") + kNames[found];
  return is_printable(code) && (!ascii || code < 0x80) ? utf8(code) : escaped(code);
}

std::string quoted(const std::string& text, const Verb& verb) {
  std::string out;
  bool plain = true;  // fits between backquotes
  for (std::size_t at = 0; at < text.size();) {
    const auto rest = std::string_view(text).substr(at);
    const auto letter = first_letter(rest);
    const bool broken = letter.size == 1 && letter.code > 0xFF;
    out += broken ? with_format("\\x%02x", static_cast<unsigned char>(rest[0]))
                  : quoted_letter(letter.code, '"', verb.has('+'));
    plain = plain && !broken && letter.code != '`' && (letter.code == '\t' || is_printable(letter.code));
    at += letter.size;
  }
  return verb.has('#') && plain ? "`" + text + "`" : "\"" + out + "\"";
}

std::string hex_of(const std::string& text, const Verb& verb) {
  const char* format = verb.kind == 'x' ? "%02x" : "%02X";
  const std::string prefix = !verb.has('#') ? "" : verb.kind == 'x' ? "0x" : "0X";
  std::string out;
  const auto bytes = verb.precision < 0 ? text : text.substr(0, static_cast<std::size_t>(verb.precision));
  for (const char c : bytes) {
    out += out.empty() ? prefix : verb.has(' ') ? " " + prefix : "";
    out += with_format(format, static_cast<unsigned char>(c));
  }
  return out;
}

std::string text_by(const std::string& text, const Verb& verb) {
  const auto cut = verb.precision < 0 ? text : letters_of(text, verb.precision);
  if (verb.kind == 'q') return padded_text(quoted(cut, verb), verb);
  if (verb.kind == 'x' || verb.kind == 'X') return padded_text(hex_of(text, verb), verb);
  if (verb.kind == 'v' || verb.kind == 's') return padded_text(cut, verb);
  return misfit(Value(text), verb.kind);
}

std::string digits_in(std::uint64_t value, unsigned base, bool large) {
  std::string out;
  for (; value > 0 || out.empty(); value /= base)
    out += (large ? "0123456789ABCDEF" : "0123456789abcdef")[value % base];
  std::reverse(out.begin(), out.end());
  return out;
}

std::string whole_by(std::int64_t value, const Verb& verb) {
  const auto code = value < 0 || value > 0x10FFFF ? char32_t{0xFFFD} : static_cast<char32_t>(value);
  if (verb.kind == 'c') return padded_text(utf8(code), verb);
  if (verb.kind == 'q') return padded_text("'" + quoted_letter(code, '\'', verb.has('+')) + "'", verb);
  const std::string_view kinds = "vdxXoObU";
  if (kinds.find(verb.kind) == std::string_view::npos) return misfit(Value(value), verb.kind);
  const unsigned base = verb.kind == 'b'                       ? 2
                        : verb.kind == 'o' || verb.kind == 'O' ? 8
                        : verb.kind == 'd' || verb.kind == 'v' ? 10
                                                               : 16;
  const auto size = value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  auto digits = digits_in(size, base, verb.kind == 'X' || verb.kind == 'U');
  const int least = std::max(verb.precision, verb.kind == 'U' ? 4 : 0);
  if (static_cast<int>(digits.size()) < least) digits.insert(0, static_cast<std::size_t>(least) - digits.size(), '0');
  std::string prefix = verb.kind == 'U' ? "U+" : verb.kind == 'O' ? "0o" : "";
  if (verb.has('#')) prefix = verb.kind == 'x' ? "0x" : verb.kind == 'X' ? "0X" : verb.kind == 'o' ? "0" : prefix;
  if (!prefix.empty()) return padded(sign_of(value < 0, verb) + prefix + digits, verb);
  return signed_text(value < 0, digits, verb, verb.zeros() && verb.precision < 0);
}

std::string fraction_by(double value, const Verb& verb) {
  const bool shortest = verb.precision < 0 && (verb.kind == 'v' || verb.kind == 'g' || verb.kind == 'G');
  const std::string_view kinds = "vgGeEfFxX";
  if (kinds.find(verb.kind) == std::string_view::npos) return misfit(Value(value), verb.kind);
  if (std::isnan(value)) return padded(sign_of(false, verb) + "NaN", verb);
  const double size = std::fabs(value);
  if (std::isinf(value)) return padded((std::signbit(value) ? "-" : "+") + std::string("Inf"), verb);
  std::string digits = go_number(size);
  if (!shortest) {
    const char kind = verb.kind == 'v' ? 'g' : verb.kind == 'x' ? 'a' : verb.kind == 'X' ? 'A' : verb.kind;
    const std::string format = (verb.precision < 0 ? "%" : "%." + std::to_string(verb.precision)) + kind;
    // The digits before the point, those behind it, and the null.
    digits.resize(320 + kWidest);
    digits.resize(static_cast<std::size_t>(std::snprintf(digits.data(), digits.size(), format.c_str(), size)));
    // Go's exponents have two digits at least.
    const auto p = digits.find_first_of("pP");
    if (p != std::string::npos && digits.size() == p + 3) digits.insert(p + 2, 1, '0');
  } else if (verb.kind == 'G') {
    std::replace(digits.begin(), digits.end(), 'e', 'E');
  }
  return signed_text(std::signbit(value), digits, verb, verb.zeros());
}

std::string one(const Verb& verb, const Value& value) {
  if (verb.kind == 'T') return padded(std::holds_alternative<std::monostate>(value) ? "<nil>" : type_of(value), verb);
  if (const auto* number = std::get_if<double>(&value)) return fraction_by(*number, verb);
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return whole_by(*whole, verb);
  if (const auto* text = std::get_if<std::string>(&value)) return text_by(*text, verb);
  if (std::holds_alternative<std::monostate>(value) && verb.kind == 'v') return padded("<nil>", verb);
  const bool fits = std::holds_alternative<bool>(value)             ? verb.kind == 't'
                    : std::holds_alternative<std::monostate>(value) ? false
                                                                    : verb.kind == 's';
  return fits || verb.kind == 'v' ? padded(printed(value), verb) : misfit(value, verb.kind);
}

int digits(const std::string& format, std::size_t& at) {
  int out = 0;
  for (; at < format.size() && format[at] >= '0' && format[at] <= '9'; ++at)
    out = std::min(kWidest, out * 10 + (format[at] - '0'));
  return out;
}

}  // namespace

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
