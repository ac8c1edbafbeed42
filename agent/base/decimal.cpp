#include "agent/base/decimal.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string_view>

#include "agent/base/strings.hpp"

namespace pgtend {

namespace {

// Every whole number below is a double of its own.
constexpr double kExact = 9'007'199'254'740'992.0;
// Source: the smallest double has 1074 decimals.
constexpr std::size_t kLongest = 1100;

// In fixed notation the library writes every digit of a large binary number, also those that say nothing.
char* write_large(char* to, char* end, double value) {
  std::array<char, 40> digits;
  const auto written = std::to_chars(digits.begin(), digits.end() - 1, value, std::chars_format::scientific);
  *written.ptr = '\0';
  const std::string_view text(digits.data());
  const auto exponent = text.find('e');
  const int zeros_to = std::atoi(text.data() + exponent + 1) + 1;
  if (end - to <= zeros_to) return to;
  if (value < 0) *to++ = '-';
  char* const last = to + zeros_to;
  for (const char c : text.substr(0, exponent))
    if (c >= '0' && c <= '9') *to++ = c;
  std::fill(to, last, '0');
  return last;
}

}  // namespace

char* write_decimal(char* to, char* end, double value) {
  if (std::abs(value) >= kExact) return write_large(to, end, value);
  const auto written = std::to_chars(to, end, value, std::chars_format::fixed);
  return written.ec == std::errc() ? written.ptr : to;
}

std::string decimal_text(double value) {
  if (!std::isfinite(value)) return format_double(value);
  std::array<char, kLongest> buffer;
  return {buffer.begin(), write_decimal(buffer.begin(), buffer.end(), value)};
}

}  // namespace pgtend
