#include "alerts/template_literals.hpp"

#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <utility>

#include "alerts/template_letters.hpp"

namespace pgtend::alerts::templates {

namespace {

template <class T>
using Read = tl::expected<T, WrongLiteral>;

tl::unexpected<WrongLiteral> wrong(std::size_t at, std::string what) {
  return tl::unexpected(WrongLiteral{at, std::move(what)});
}

struct Escaped {
  char32_t code = 0;
  bool byte = false;  // \x and \101 are bytes of a string, not letters
  std::size_t size = 0;
};

// The number of `count` digits in `base`; nullopt: there are fewer.
std::optional<char32_t> digits_of(std::string_view text, std::size_t count, unsigned base) {
  char32_t out = 0;
  if (text.size() < count) return std::nullopt;
  for (const char c : text.substr(0, count)) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isxdigit(byte) == 0) return std::nullopt;
    const unsigned digit = std::isdigit(byte) != 0 ? byte - '0' : static_cast<unsigned>(std::tolower(byte)) - 'a' + 10;
    if (digit >= base) return std::nullopt;
    out = out * base + digit;
  }
  return out;
}

// What stands behind the backslash at `at`. Source: Go specification, "Rune literals".
Read<Escaped> escaped(std::string_view text, std::size_t at, char quote) {
  const auto behind = text.substr(at + 1);
  const char kind = behind.empty() ? '\0' : behind[0];
  constexpr std::string_view kNames = "abfnrtv\\", kMeant = "\a\b\f\n\r\t\v\\";
  if (const auto found = kNames.find(kind); kind != '\0' && found != std::string_view::npos)
    return Escaped{static_cast<unsigned char>(kMeant[found]), false, 2};
  if (kind == quote) return Escaped{static_cast<unsigned char>(quote), false, 2};
  std::optional<char32_t> code;
  std::size_t size = 0;
  if (kind == 'x' || kind == 'u' || kind == 'U') {
    const std::size_t count = kind == 'x' ? 2 : kind == 'u' ? 4 : 8;
    code = digits_of(behind.substr(1), count, 16);
    size = count + 2;
  } else if (kind >= '0' && kind <= '7') {
    code = digits_of(behind, 3, 8);
    size = 4;
  }
  const bool byte = kind == 'x' || size == 4;
  if (!code || (byte ? *code > 0xFF : !is_unicode(*code))) {
    const auto letter = behind.empty() ? std::string() : std::string(behind.substr(0, first_letter(behind).size));
    return wrong(at, "'\\" + letter + "' is no escape: write '\\\\" + letter + "', or put the text between backquotes");
  }
  return Escaped{*code, byte, size};
}

Read<Literal> letter_literal(std::string_view text) {
  const auto closed = [&](char32_t code, std::size_t size) -> Read<Literal> {
    if (text.substr(1 + size, 1) != "'") return wrong(0, "between single quotes is one letter");
    return Literal{Value(static_cast<std::int64_t>(code)), size + 2};
  };
  if (text.size() < 2 || text[1] == '\'' || text[1] == '\n') return wrong(0, "between single quotes is one letter");
  if (text[1] != '\\') {
    const auto letter = first_letter(text.substr(1));
    return closed(letter.code, letter.size);
  }
  const auto read = escaped(text, 1, '\'');
  if (!read) return tl::unexpected(read.error());
  return closed(read->code, read->size);
}

// Each between two digits, or behind the base.
bool separates_digits(std::string_view number, std::size_t at) {
  const auto is_digit = [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; };
  if (at == 0 || at + 1 >= number.size() || !is_digit(number[at + 1])) return false;
  return is_digit(number[at - 1]) || std::string_view("xXoO").find(number[at - 1]) != std::string_view::npos;
}

// Base 0 reads 0x1f and 017 as Go does; nullopt: no whole number of 64 bits.
std::optional<std::int64_t> whole(const std::string& digits) {
  const bool sign = digits[0] == '+' || digits[0] == '-';
  const std::string_view rest = std::string_view(digits).substr(sign ? 1 : 0);
  const char base = rest.size() > 2 && rest[0] == '0' && std::isdigit(static_cast<unsigned char>(rest[2])) != 0
                        ? static_cast<char>(rest[1] | 0x20)
                        : '\0';
  std::string plain = digits;
  if (base == 'b' || base == 'o') plain = (sign ? digits.substr(0, 1) : std::string()) + std::string(rest.substr(2));
  if (plain.empty() || std::isalnum(static_cast<unsigned char>(plain.back())) == 0) return std::nullopt;
  char* end = nullptr;
  errno = 0;
  const auto value = std::strtoll(plain.c_str(), &end, base == 'b' ? 2 : base == 'o' ? 8 : 0);
  if (*end != '\0' || errno != 0) return std::nullopt;
  return value;
}

}  // namespace

Read<Literal> quoted_literal(std::string_view text) {
  const char quote = text[0];
  if (quote == '\'') return letter_literal(text);
  std::string out;
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == quote) return Literal{Value(std::move(out)), at + 1};
    if (quote == '"' && text[at] == '\n') break;
    if (quote == '`' || text[at] != '\\') {
      out += text[at];
      continue;
    }
    const auto read = escaped(text, at, quote);
    if (!read) return tl::unexpected(read.error());
    out += read->byte ? std::string(1, static_cast<char>(read->code)) : utf8(read->code);
    at += read->size - 1;
  }
  return wrong(0, "string is not closed");
}

Read<Literal> number_literal(std::string_view text) {
  std::size_t size = 0;
  while (size < text.size() && (std::isalnum(static_cast<unsigned char>(text[size])) != 0 ||
                                std::string_view("_.+-").find(text[size]) != std::string_view::npos))
    ++size;
  std::string digits;
  for (std::size_t i = 0; i < size; ++i) {
    if (text[i] == '_' && !separates_digits(text.substr(0, size), i)) return wrong(0, "'_' stands between digits only");
    if (text[i] != '_') digits += text[i];
  }
  const auto unexpected = [&] { return "unexpected '" + std::string(text.substr(0, first_letter(text).size)) + "'"; };
  if (digits.empty()) return wrong(0, unexpected());
  if (const auto number = whole(digits)) return Literal{Value(*number), size};
  char* end = nullptr;
  const double number = std::strtod(digits.c_str(), &end);
  if (*end != '\0' || digits.find_first_of("0123456789") == std::string::npos) return wrong(0, unexpected());
  if (digits.find_first_of(".eEpP") == std::string::npos || !std::isfinite(number))
    return wrong(0, "'" + std::string(text.substr(0, size)) + "' is no number that can be held");
  return Literal{Value(number), size};
}

}  // namespace pgtend::alerts::templates
