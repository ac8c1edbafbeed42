#include <pg_query.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/base/strings.hpp"
#include "rules/sql/ddl_reader.hpp"
#include "rules/sql/script.hpp"

namespace pgtend::sql {

namespace {

// psql's own commands are no SQL; blanks of the same length keep every place.
std::string without_backslash_lines(std::string_view text) {
  std::string out(text);
  std::size_t at = 0;
  while (at < out.size()) {
    const auto end = std::min(out.find('\n', at), out.size());
    if (out[at] == '\\')
      std::fill(out.begin() + static_cast<std::ptrdiff_t>(at), out.begin() + static_cast<std::ptrdiff_t>(end), ' ');
    at = end + 1;
  }
  return out;
}

// For a script that holds a statement the grammar does not know: by the semicolons outside brackets.
Result<std::vector<Piece>> pieces_by_token(const std::string& text) {
  const auto tokens = scan(text, kMaxScriptBytes);
  if (!tokens) return fail(tokens.error());
  std::vector<Piece> out;
  std::size_t start = 0;
  int depth = 0;
  for (const auto& token : *tokens) {
    if (token.text == "(") ++depth;
    if (token.text == ")") --depth;
    if (token.text != ";" || depth > 0) continue;
    out.push_back({start, token.start});
    start = token.end;
  }
  return out;
}

Result<std::vector<Piece>> pieces_of(const std::string& text) {
  auto pieces = split_script(text);
  if (!pieces) return pieces_by_token(text);
  return std::move(*pieces);
}

std::string comment_text(std::string_view written) {
  if (written.starts_with("/*")) written = written.substr(2, written.size() - std::min<std::size_t>(written.size(), 4));
  while (written.starts_with("-")) written.remove_prefix(1);
  return std::string(trim(written));
}

// ADD CONSTRAINT name NOT NULL column, which only PostgreSQL 18 has, as the CHECK that it stands for; empty when the
// statement holds none.
std::string not_null_as_check(const std::string& text, const std::vector<Token>& tokens) {
  for (std::size_t i = 0; i + 4 < tokens.size(); ++i) {
    if (tokens[i].text != "constraint" || tokens[i + 2].text != "not" || tokens[i + 3].text != "null") continue;
    const auto& column = tokens[i + 4];
    return text.substr(0, tokens[i + 2].start) + "CHECK (" + text.substr(column.start, column.end - column.start) +
           " IS NOT NULL)" + text.substr(column.end);
  }
  return {};
}

Result<std::vector<Action>> parse(const std::string& text) {
  auto tree = parse_tree(text);
  if (!tree) return fail(std::move(tree.error()));
  auto tokens = scan(text);
  if (!tokens) return fail(std::move(tokens.error()));
  if (tree->empty()) return std::vector<Action>();
  return read_actions(child(tree->front(), "stmt"), text, *tokens);
}

DdlStatement read_statement(std::string text, std::size_t at, const std::vector<Token>& tokens) {
  DdlStatement out;
  out.at = at;
  auto actions = parse(text);
  if (!actions) {
    out.error = actions.error().message;
    out.too_long = actions.error().code == Errc::resource_exhausted;
    if (const auto other = not_null_as_check(text, tokens); !other.empty()) actions = parse(other);
  }
  if (actions) {
    out.actions = std::move(*actions);
    out.error.clear();
  }
  out.text = std::move(text);
  return out;
}

// One statement with the comments before and inside it.
void read_piece(const std::string& text, const Piece& piece, DdlScript& script) {
  const auto part = text.substr(piece.at, piece.end - piece.at);
  auto tokens = scan(part);
  if (!tokens) {
    const auto start = part.find_first_not_of(" \t\r\n;");
    if (start == std::string::npos) return;
    DdlStatement broken;
    broken.at = piece.at + start;
    broken.text = trim(part.substr(start));
    broken.error = tokens.error().message;
    broken.too_long = tokens.error().code == Errc::resource_exhausted;
    script.statements.push_back(std::move(broken));
    return;
  }
  std::size_t first = part.size(), last = 0;
  std::vector<Token> words;
  for (const auto& token : *tokens) {
    if (token.kind == Token::Kind::comment) {
      script.comments.push_back({piece.at + token.start, piece.at + token.end,
                                 comment_text(std::string_view(part).substr(token.start, token.end - token.start))});
      continue;
    }
    if (token.text == ";") continue;
    first = std::min(first, token.start);
    last = token.end;
    words.push_back(token);
  }
  if (words.empty()) return;
  for (auto& word : words) {
    word.start -= first;
    word.end -= first;
  }
  script.statements.push_back(read_statement(part.substr(first, last - first), piece.at + first, words));
}

}  // namespace

int grammar_version() {
  return PG_VERSION_NUM / 10'000;
}

Result<DdlScript> read_ddl(std::string_view text) {
  if (text.size() > kMaxScriptBytes) return fail(Errc::resource_exhausted, "the script is longer than 16 MB");
  if (text.find('\0') != std::string_view::npos) return fail(Errc::parse, "the script holds a zero byte");
  const auto clean = without_backslash_lines(text);
  auto pieces = pieces_of(clean);
  if (!pieces) return fail(std::move(pieces.error()));
  DdlScript out;
  std::size_t done = 0;
  for (const auto& piece : *pieces) {
    // Comments after the semicolon before it belong to no piece of their own.
    read_piece(clean, {done, piece.end}, out);
    done = piece.end;
  }
  read_piece(clean, {done, clean.size()}, out);
  return out;
}

}  // namespace pgtend::sql
