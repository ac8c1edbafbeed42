#include "rules/sql/repair.hpp"

#include <array>
#include <vector>

#include "rules/sql/statement.hpp"
#include "rules/sql/tokens.hpp"

namespace pgtend::sql {

namespace {

using Kind = Token::Kind;

// A token of the text to come, with what the rewrites put around it.
struct Piece {
  Token token;
  std::string text;
};
using Pieces = std::vector<Piece>;

bool is(const Pieces& pieces, std::size_t at, std::string_view text) {
  return at < pieces.size() && pieces[at].token.kind != Kind::string && pieces[at].token.text == text;
}

bool is_parameter(const Pieces& pieces, std::size_t at) {
  return at < pieces.size() && pieces[at].token.kind == Kind::parameter;
}

template <std::size_t N>
bool is_one_of(const Pieces& pieces, std::size_t at, const std::array<std::string_view, N>& words) {
  for (const auto word : words)
    if (is(pieces, at, word)) return true;
  return false;
}

constexpr std::array<std::string_view, 5> kTimeTypes{"interval", "date", "timestamp", "timestamptz", "time"};
constexpr std::array<std::string_view, 6> kIntervalFields{"year", "month", "day", "hour", "minute", "second"};
constexpr std::array<std::string_view, 5> kArithmetic{"+", "-", "*", "/", "%"};
constexpr std::array<std::string_view, 3> kCaseBranchEnds{"when", "else", "end"};

// date $1, timestamp with time zone $1, interval $1 day -> ($1::type). The parser takes only a string constant there.
void repair_typed_literals(Pieces& pieces) {
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (!is_one_of(pieces, i, kTimeTypes)) continue;
    std::size_t at = i + 1;
    std::string type = pieces[i].token.text;
    if ((is(pieces, at, "with") || is(pieces, at, "without")) && is(pieces, at + 1, "time") &&
        is(pieces, at + 2, "zone")) {
      type += " " + pieces[at].token.text + " time zone";
      at += 3;
    }
    if (!is_parameter(pieces, at)) continue;
    std::size_t end = at + 1;
    if (type == "interval" && is_one_of(pieces, end, kIntervalFields)) {
      type += " " + pieces[end].token.text;
      ++end;
      if (is(pieces, end, "to") && is_one_of(pieces, end + 1, kIntervalFields)) {
        type += " to " + pieces[end + 1].token.text;
        end += 2;
      }
    }
    Piece whole = pieces[at];
    whole.text = "(" + pieces[at].token.text + "::" + type + ")";
    // No bare parameter any more: the later rewrites leave it alone.
    whole.token.kind = Kind::other;
    pieces[i] = std::move(whole);
    pieces.erase(pieces.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                 pieces.begin() + static_cast<std::ptrdiff_t>(end));
  }
}

// EXTRACT($1 FROM x) -> date_part($1, x).
void repair_extract(Pieces& pieces) {
  for (std::size_t i = 0; i + 3 < pieces.size(); ++i) {
    if (!is(pieces, i, "extract") || !is(pieces, i + 1, "(") || !is_parameter(pieces, i + 2) ||
        !is(pieces, i + 3, "from"))
      continue;
    pieces[i].text = "pg_catalog.date_part";
    pieces[i + 3].text = ",";
    pieces[i + 2].token.kind = Kind::other;
  }
}

void cast_to_numeric(Piece& piece) {
  piece.text = piece.token.text + "::numeric";
  piece.token.kind = Kind::other;
}

// $1 + $2: neither side tells the type (42725).
void repair_operators(Pieces& pieces) {
  for (std::size_t i = 0; i + 2 < pieces.size(); ++i) {
    const bool right = pieces[i + 2].token.kind == Kind::parameter && !is(pieces, i + 3, "::");
    const bool left_is_cast = i > 0 && is(pieces, i - 1, "::");
    const bool left = pieces[i].token.kind == Kind::parameter || pieces[i].text.ends_with("::numeric");
    if (!left || !right || left_is_cast || !is_one_of(pieces, i + 1, kArithmetic)) continue;
    if (pieces[i].token.kind == Kind::parameter) cast_to_numeric(pieces[i]);
    cast_to_numeric(pieces[i + 2]);
  }
}

// CASE ... THEN $1 ELSE $2 END, when no branch tells the type: text by default, and sum(text) does not exist (42883).
void repair_case_branches(Pieces& pieces) {
  struct Open {
    std::vector<std::size_t> branches;
    bool typed = false;
  };
  std::vector<Open> open;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (is(pieces, i, "case")) {
      open.emplace_back();
    } else if (open.empty()) {
      continue;
    } else if (is(pieces, i, "then") || is(pieces, i, "else")) {
      const bool alone = is_one_of(pieces, i + 2, kCaseBranchEnds);
      if (is_parameter(pieces, i + 1) && alone) {
        open.back().branches.push_back(i + 1);
      } else if (!is(pieces, i + 1, "null") || !alone) {
        open.back().typed = true;
      }
    } else if (is(pieces, i, "end")) {
      if (!open.back().typed)
        for (const std::size_t at : open.back().branches) cast_to_numeric(pieces[at]);
      open.pop_back();
    }
  }
}

std::string assemble(const Pieces& pieces) {
  std::string out;
  std::size_t last_end = 0;
  for (const auto& piece : pieces) {
    if (!out.empty() && piece.token.start > last_end) out += ' ';
    out += piece.text;
    last_end = piece.token.end;
  }
  return out;
}

}  // namespace

Result<ExplainableText> repair_parameters(std::string_view text) {
  auto tokens = scan(text);
  if (!tokens) return fail(std::move(tokens.error()));
  ExplainableText out;
  out.parameters = highest_parameter(*tokens);
  Pieces pieces;
  for (auto& token : *tokens) {
    if (token.kind == Kind::comment) continue;
    std::string written(text.substr(token.start, token.end - token.start));
    pieces.push_back({std::move(token), std::move(written)});
  }
  while (!pieces.empty() && is(pieces, pieces.size() - 1, ";")) pieces.pop_back();
  if (!has_plan(text)) return fail(Errc::unsupported, "a utility statement has no plan");
  for (std::size_t i = 0; i < pieces.size(); ++i)
    if (is(pieces, i, ";")) return fail(Errc::unsupported, "more than one statement");
  repair_typed_literals(pieces);
  repair_extract(pieces);
  repair_case_branches(pieces);
  repair_operators(pieces);
  out.text = assemble(pieces);
  return out;
}

}  // namespace pgtend::sql
