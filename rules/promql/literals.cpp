#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>

#include "agent/base/strings.hpp"
#include "rules/promql/lexer.hpp"

namespace pgtend::promql {

namespace {

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

tl::unexpected<Error> bad_escape(std::string_view quoted) {
  return fail(Errc::parse, "invalid escape sequence in string " + std::string(quoted));
}

// Reads `digits` digits of `base`; nullopt when they are not all there.
std::optional<std::uint32_t> read_code(std::string_view text, std::size_t at, std::size_t digits, int base) {
  if (at + digits > text.size()) return std::nullopt;
  std::uint32_t code = 0;
  const auto [end, ec] = std::from_chars(text.data() + at, text.data() + at + digits, code, base);
  if (ec != std::errc() || end != text.data() + at + digits) return std::nullopt;
  return code;
}

}  // namespace

bool is_utf8_name(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // The bits of the first byte, how many follow, and the smallest code that needs them.
    const std::size_t more = byte < 0x80 ? 0 : byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1;
    if ((byte >= 0x80 && byte < 0xC2) || byte > 0xF4 || i + more >= text.size()) return false;
    std::uint32_t code = more == 0 ? byte : byte & (0x3FU >> more);
    for (std::size_t k = 1; k <= more; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xC0) != 0x80) return false;
      code = (code << 6) | (next & 0x3F);
    }
    constexpr std::uint32_t kSmallest[] = {0, 0x80, 0x800, 0x10000};
    if (code < kSmallest[more] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return false;
    i += more + 1;
  }
  return !text.empty();
}

Result<double> number_value(std::string_view text) {
  std::string lower = to_lower(text);
  std::erase(lower, '_');
  if (lower == "inf") return std::numeric_limits<double>::infinity();
  if (lower == "nan") return std::numeric_limits<double>::quiet_NaN();
  const auto bad = [&] { return fail(Errc::parse, "error parsing number: " + quote(text)); };
  if (lower.starts_with("0x")) {
    std::uint64_t value = 0;
    const auto [end, ec] = std::from_chars(lower.data() + 2, lower.data() + lower.size(), value, 16);
    if (ec != std::errc() || end != lower.data() + lower.size()) return bad();
    return static_cast<double>(value);
  }
  // A leading 0 makes an integer octal, as in Prometheus; "09" is no octal number and read as decimal.
  if (lower.size() > 1 && lower[0] == '0' && lower.find_first_not_of("01234567") == std::string::npos) {
    std::uint64_t value = 0;
    const auto [end, ec] = std::from_chars(lower.data(), lower.data() + lower.size(), value, 8);
    if (ec == std::errc() && end == lower.data() + lower.size()) return static_cast<double>(value);
  }
  double value = 0;
  const auto [end, ec] = std::from_chars(lower.data(), lower.data() + lower.size(), value);
  if (end != lower.data() + lower.size() || ec == std::errc::invalid_argument) return bad();
  if (ec == std::errc::result_out_of_range) {
    // Prometheus refuses an overflow and takes an underflow as 0.
    if (lower.find("e-") == std::string::npos) return bad();
    return 0.0;
  }
  return value;
}

Result<std::string> unquote(std::string_view quoted) {
  const std::string_view text = quoted.substr(1, quoted.size() - 2);
  if (quoted.front() == '`') return std::string(text);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    if (++i >= text.size()) return bad_escape(quoted);
    const char c = text[i];
    const std::string_view simple = "abfnrtv\\";
    const std::string_view meaning = "\a\b\f\n\r\t\v\\";
    if (const auto at = simple.find(c); at != std::string_view::npos) {
      out += meaning[at];
    } else if (c == quoted.front()) {
      out += c;
    } else if (c == 'x' || c == 'u' || c == 'U') {
      const std::size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
      const auto code = read_code(text, i + 1, digits, 16);
      if (!code || *code > 0x10FFFF || (c != 'x' && *code >= 0xD800 && *code < 0xE000)) return bad_escape(quoted);
      if (c == 'x') {
        out += static_cast<char>(*code);
      } else {
        append_utf8(out, *code);
      }
      i += digits;
    } else if (c >= '0' && c <= '7') {
      const auto code = read_code(text, i, 3, 8);
      if (!code || *code > 255) return bad_escape(quoted);
      out += static_cast<char>(*code);
      i += 2;
    } else {
      return bad_escape(quoted);
    }
  }
  return out;
}

std::string quote(std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace pgtend::promql
