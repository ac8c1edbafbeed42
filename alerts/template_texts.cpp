#include "alerts/template_texts.hpp"

#include <cctype>
#include <optional>
#include <string_view>
#include <utility>

#include "agent/base/strings.hpp"

namespace pgtend::alerts::templates {

namespace {

bool separates(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x80 && std::isalnum(byte) == 0 && c != '_';
}

// Host and port of "host:port", "[v6]:port"; nullopt: it has no port.
std::optional<std::pair<std::string, std::string>> split_port(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  auto host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string::npos || host.find('[') != std::string::npos) {
    return std::nullopt;
  }
  return std::pair{host, text.substr(colon + 1)};
}

}  // namespace

std::string title(std::string text) {
  bool start = true;
  for (char& c : text) {
    if (start && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    start = separates(c);
  }
  return text;
}

std::string upper(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return text;
}

std::string lower(std::string text) {
  return to_lower(text);
}

std::string strip_port(std::string text) {
  const auto parts = split_port(text);
  return parts ? parts->first : text;
}

std::string strip_domain(std::string text) {
  const auto parts = split_port(text);
  const std::string host = parts ? parts->first : text;
  const bool address =
      host.find(':') != std::string::npos || host.find_first_not_of("0123456789.") == std::string::npos;
  if (address) return text;
  const auto first = host.substr(0, host.find('.'));
  return parts && !parts->second.empty() ? first + ":" + parts->second : first;
}

std::string escaped_html(std::string text) {
  std::string out;
  for (const char c : text) {
    const std::string_view as = c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : c == '"' ? "&#34;" : "";
    if (c == '\'') {
      out += "&#39;";
    } else if (as.empty()) {
      out += c;
    } else {
      out += as;
    }
  }
  return out;
}

std::string escaped_query(std::string text) {
  constexpr const char* kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.' || c == '~') {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      out += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
  }
  return out;
}

}  // namespace pgtend::alerts::templates
