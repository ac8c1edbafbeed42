#include "agent/config/text_place.hpp"

#include <algorithm>

namespace pgtend::config {

namespace {

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

std::size_t offset_of(std::string_view text, Position at) {
  std::size_t i = 0;
  for (int line = 1; line < at.line && i < text.size(); ++line) {
    const auto newline = text.find('\n', i);
    i = newline == std::string_view::npos ? text.size() : newline + 1;
  }
  return std::min(text.size(), i + static_cast<std::size_t>(std::max(at.column, 1) - 1));
}

Position position_of(std::string_view text, std::size_t i) {
  const auto before = text.substr(0, i);
  const auto newline = before.rfind('\n');
  const auto column = newline == std::string_view::npos ? i + 1 : i - newline;
  return {1 + static_cast<int>(std::count(before.begin(), before.end(), '\n')), static_cast<int>(column)};
}

// Past what is white in the value, which folding and indentation write in many ways.
std::size_t skip_space(std::string_view text, std::size_t i, char quote) {
  while (i < text.size()) {
    const bool escaped = quote == '"' && text[i] == '\\' && i + 1 < text.size() &&
                         (text[i + 1] == 'n' || text[i + 1] == 't' || is_space(text[i + 1]));
    if (!escaped && !is_space(text[i])) break;
    i += escaped ? 2 : 1;
  }
  return i;
}

}  // namespace

Position place_in(std::string_view text, Position at, std::string_view value, std::size_t offset) {
  std::size_t i = offset_of(text, at);
  if (i >= text.size()) return at;
  char quote = 0;
  if (text[i] == '|' || text[i] == '>') {
    i = std::min(text.find('\n', i), text.size());
  } else if (text[i] == '"' || text[i] == '\'') {
    quote = text[i++];
  }
  for (std::size_t k = 0; k < value.size(); ++k) {
    if (is_space(value[k])) {
      if (k == offset) break;
      continue;
    }
    i = skip_space(text, i, quote);
    if (quote == '"' && i < text.size() && text[i] == '\\') ++i;
    if (k == offset) break;
    if (i >= text.size() || text[i] != value[k]) return at;
    i += quote == '\'' && value[k] == '\'' ? 2 : 1;
  }
  return position_of(text, i);
}

}  // namespace pgtend::config
