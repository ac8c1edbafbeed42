#include "alerts/template_texts.hpp"

#include <cctype>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

#include "alerts/template_letters.hpp"

namespace pgtend::alerts::templates {

namespace {

// Every letter by what `change` makes of it. As Go's strings.Map does, bytes that are no UTF-8 become U+FFFD.
template <class Change>
std::string mapped(const std::string& text, Change change) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto letter = first_letter(std::string_view(text).substr(at));
    out += utf8(change(letter.code));
    at += letter.size;
  }
  return out;
}

// Source: Go strings.Title.
bool separates(char32_t code) {
  if (code == '_' || is_letter_or_digit(code)) return false;
  return code < 0x80 || is_white(code);
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
  return mapped(text, [&start](char32_t code) {
    const auto out = start ? initial(code) : code;
    start = separates(code);
    return out;
  });
}

std::string upper(std::string text) {
  return mapped(text, large);
}

std::string lower(std::string text) {
  return mapped(text, small);
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
    } else if (c == '\0') {
      out += utf8(0xFFFD);
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
