#include "agent/http/message.hpp"

#include <array>
#include <cstdio>

namespace pgtend::http {

namespace {

constexpr std::array<std::string_view, 4> kRights{"none", "viewer", "approver", "admin"};

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", byte);
      out += escape;
    } else {
      out += c;
    }
  }
  out += '"';
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string_view to_string(Right right) {
  return kRights[static_cast<std::size_t>(right)];
}

std::optional<Right> parse_right(std::string_view name) {
  for (std::size_t i = 0; i < kRights.size(); ++i)
    if (kRights[i] == name) return static_cast<Right>(i);
  return std::nullopt;
}

Response error_response(int status, std::string_view code, std::string_view message, std::string_view hint) {
  Response response;
  response.status = status;
  response.body = R"({"error":{"code":)";
  append_json_string(response.body, code);
  response.body += R"(,"message":)";
  append_json_string(response.body, message);
  if (!hint.empty()) {
    response.body += R"(,"hint":)";
    append_json_string(response.body, hint);
  }
  response.body += "}}\n";
  return response;
}

std::optional<std::string> percent_decode(std::string_view text, bool plus) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0 || (high == 0 && low == 0)) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      char escape[4];
      std::snprintf(escape, sizeof escape, "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += escape;
    }
  }
  return out;
}

bool add_items(std::string_view rest, Request& request) {
  while (!rest.empty()) {
    const auto end = rest.find('&');
    const auto item = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (item.empty()) continue;
    const auto equal = item.find('=');
    auto name = percent_decode(item.substr(0, equal), true);
    auto value = equal == std::string_view::npos ? std::string() : percent_decode(item.substr(equal + 1), true);
    if (!name || !value) return false;
    request.query.emplace(*name, *value);
    request.query_items.emplace_back(std::move(*name), std::move(*value));
  }
  return true;
}

bool split_target(std::string_view target, Request& request) {
  if (target.empty() || target.front() != '/') return false;
  const auto question = target.find('?');
  request.path = std::string(target.substr(0, question));
  if (!percent_decode(request.path)) return false;
  return question == std::string_view::npos || add_items(target.substr(question + 1), request);
}

}  // namespace pgtend::http
