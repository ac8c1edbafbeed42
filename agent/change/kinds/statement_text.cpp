#include "agent/change/kinds/statement_text.hpp"

#include <algorithm>
#include <cctype>

namespace pgtend::change {

namespace {

bool begins_word(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool is_in_word(char c) {
  return begins_word(c) || std::isdigit(static_cast<unsigned char>(c)) != 0;
}

// Past the closing quote at the end of `out`; npos when it is missing or the text inside could mean two things.
std::size_t read_quoted(std::string_view sql, std::size_t at, std::string& out) {
  const char quote = sql[at];
  for (std::size_t i = at + 1; i < sql.size(); ++i) {
    // With standard_conforming_strings off it would escape.
    if (sql[i] == '\\') return std::string_view::npos;
    if (sql[i] != quote) {
      out += sql[i];
    } else if (i + 1 < sql.size() && sql[i + 1] == quote) {
      out += sql[i++];
    } else {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

std::size_t read_bare(std::string_view sql, std::size_t at, std::string& out) {
  const bool number = !begins_word(sql[at]);
  for (; at < sql.size() && (is_in_word(sql[at]) || (number && sql[at] == '.')); ++at)
    out += static_cast<char>(std::tolower(static_cast<unsigned char>(sql[at])));
  return at;
}

// Of SET name TO value; a value may be "to" itself.
void write_to_as_equals(std::vector<std::string>& parts) {
  const auto set = std::find(parts.begin(), parts.end(), "set");
  if (parts.end() - set > 2 && set[2] == "to") set[2] = "=";
}

}  // namespace

std::optional<std::vector<std::string>> parts_of(std::string_view sql) {
  std::vector<std::string> out;
  std::size_t at = 0;
  bool ended = false;
  while (at < sql.size()) {
    const char c = sql[at];
    if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      ++at;
      continue;
    }
    const auto two = sql.substr(at, 2);
    if (ended || two == "--" || two == "/*" || c == '$' || c == '\0') return std::nullopt;
    std::string part;
    if (c == '\'' || c == '"') {
      // E'', U&'', B'' and their kind have rules of their own.
      if (at > 0 && (is_in_word(sql[at - 1]) || sql[at - 1] == '&')) return std::nullopt;
      at = read_quoted(sql, at, part);
      if (at == std::string_view::npos) return std::nullopt;
    } else if (is_in_word(c)) {
      at = read_bare(sql, at, part);
    } else {
      part = c;
      ++at;
      ended = c == ';';
    }
    if (!ended) out.push_back(std::move(part));
  }
  return out;
}

bool same_statement(std::string_view a, std::string_view b) {
  auto left = parts_of(a), right = parts_of(b);
  if (!left || !right) return false;
  write_to_as_equals(*left);
  write_to_as_equals(*right);
  return *left == *right;
}

bool same_statements(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& left, const auto& right) { return same_statement(left, right); });
}

bool names_word(std::string_view sql, std::string_view word) {
  const auto parts = parts_of(sql);
  return parts && std::find(parts->begin(), parts->end(), word) != parts->end();
}

bool StatementReader::next_is(std::string_view expected, std::size_t ahead) const {
  return ok() && at_ + ahead < parts_->size() && (*parts_)[at_ + ahead] == expected;
}

StatementReader& StatementReader::word(std::string_view expected) {
  if (next_is(expected)) {
    ++at_;
  } else {
    parts_.reset();
  }
  return *this;
}

StatementReader& StatementReader::maybe(std::initializer_list<std::string_view> expected) {
  std::size_t ahead = 0;
  for (const auto& each : expected)
    if (!next_is(each, ahead++)) return *this;
  at_ += expected.size();
  return *this;
}

StatementReader& StatementReader::qualified(std::string_view schema, std::string_view name) {
  return word(schema).word(".").word(name);
}

StatementReader& StatementReader::maybe_options(std::initializer_list<std::string_view> allowed) {
  if (!next_is("(")) return *this;
  bool first = true;
  for (++at_; more() && !next_is(")"); ++at_) {
    const auto& part = (*parts_)[at_];
    if (first && std::find(allowed.begin(), allowed.end(), part) == allowed.end()) break;
    first = part == ",";
  }
  return word(")");
}

}  // namespace pgtend::change
