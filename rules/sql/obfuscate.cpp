#include "rules/sql/obfuscate.hpp"

#include <algorithm>

#include "rules/sql/tokens.hpp"

namespace pgtend::sql {

namespace {

// Statements whose literals are secrets, and whose shape itself may tell (connection strings of subscriptions and
// servers).
bool sets_secret(const std::vector<Token>& tokens) {
  return std::any_of(tokens.begin(), tokens.end(), [](const Token& token) {
    if (token.kind != Token::Kind::keyword && token.kind != Token::Kind::word) return false;
    return token.text == "password" || token.text == "connection" || token.text == "passfile";
  });
}

bool is_utility_start(const std::string& word) {
  return word == "alter" || word == "create" || word == "set";
}

}  // namespace

std::string obfuscate(std::string_view text) {
  auto scanned = scan(text);
  if (!scanned) return "<unreadable statement>";
  std::erase_if(*scanned, [](const Token& token) { return token.kind == Token::Kind::comment; });
  const auto& tokens = *scanned;
  if (!tokens.empty() && is_utility_start(tokens.front().text) && sets_secret(tokens)) {
    std::string out;
    for (std::size_t i = 0; i < tokens.size() && i < 2; ++i) out += tokens[i].text + " ";
    return out + "<redacted>";
  }
  std::string out;
  std::size_t last_end = 0;
  for (const auto& token : tokens) {
    if (!out.empty() && token.start > last_end) out += ' ';
    const bool literal = token.kind == Token::Kind::string || token.kind == Token::Kind::number;
    out += literal ? "?" : std::string(text.substr(token.start, token.end - token.start));
    last_end = token.end;
  }
  return out;
}

}  // namespace pgtend::sql
