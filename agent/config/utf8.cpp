#include "agent/config/utf8.hpp"

#include <cstdint>

namespace pgtend::config {

namespace {

// Bytes of the character that `text` starts with; 0 when it starts with none. Source: RFC 3629 section 4, which also
// refuses overlong forms, surrogates and what is above U+10FFFF.
std::size_t character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<std::uint8_t>(text[i]) : 0; };
  const auto tail = [&](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i <= to; ++i)
      if ((byte(i) & 0xC0) != 0x80) return false;
    return true;
  };
  const int first = byte(0), second = byte(1);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return tail(1, 1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const bool good = (first != 0xE0 || second >= 0xA0) && (first != 0xED || second <= 0x9F);
    return good && tail(1, 2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool good = (first != 0xF0 || second >= 0x90) && (first != 0xF4 || second <= 0x8F);
    return good && tail(1, 3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::vector<Position> not_utf8(std::string_view text) {
  std::vector<Position> out;
  Position at{1, 1};
  while (!text.empty()) {
    const std::size_t length = character(text);
    if (length == 0 && (out.empty() || out.back().line != at.line)) out.push_back(at);
    const std::size_t step = length == 0 ? 1 : length;
    if (text.front() == '\n') {
      at = {at.line + 1, 1};
    } else {
      at.column += static_cast<int>(step);
    }
    text.remove_prefix(step);
  }
  return out;
}

}  // namespace pgtend::config
