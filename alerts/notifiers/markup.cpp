#include "alerts/notifiers/markup.hpp"

namespace pgtend::alerts {

std::string markup_escaped(std::string_view text, Quotes quotes) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"' && quotes == Quotes::escaped) {
      out += "&quot;";
    } else {
      out += c;
    }
  }
  return out;
}

std::string links_as_lines(const MessageText& text) {
  std::string out;
  for (const auto& link : text.links) out += link.text + ": " + link.url + "\n";
  return out;
}

}  // namespace pgtend::alerts
