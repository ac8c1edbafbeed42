#include "agent/config/fields.hpp"

#include <array>
#include <cstdio>

namespace pgtend::config {

namespace {

// Plain YAML scalars that need no quotes: words, paths, addresses. Anything that could be read as something else is
// quoted.
bool is_plain(const std::string& value) {
  if (value.empty() || value == "true" || value == "false" || value == "null" || value == "~") return false;
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '/' || c == '_'; };
  if (!letter(value.front())) return false;
  for (const char c : value)
    if (!letter(c) && !(c >= '0' && c <= '9') && c != '-' && c != '.' && c != '@') return false;
  return true;
}

}  // namespace

std::string show_text(const std::string& value) {
  if (is_plain(value)) return value;
  std::string out = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string show_list(const std::vector<std::string>& values) {
  std::vector<std::string> shown;
  for (const auto& value : values) shown.push_back(show_text(value));
  return "[" + join(shown, ", ") + "]";
}

std::string show_limit(double value) {
  char out[32];
  std::snprintf(out, sizeof out, "%.12g", value);
  return out;
}

std::string show_bytes(std::int64_t value) {
  constexpr std::array<const char*, 4> units{"kB", "MB", "GB", "TB"};
  std::string unit;
  for (std::size_t i = 0; i < units.size() && value != 0 && value % 1024 == 0; ++i) {
    value /= 1024;
    unit = units[i];
  }
  return std::to_string(value) + unit;
}

}  // namespace pgtend::config
