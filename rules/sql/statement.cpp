#include "rules/sql/statement.hpp"

#include <pg_query.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>

#include "agent/base/strings.hpp"
#include "rules/sql/tokens.hpp"
#include "rules/sql/tree.hpp"
#include "rules/sql/walker.hpp"

namespace pgtend::sql {

std::string_view to_string(Clause clause) {
  switch (clause) {
    case Clause::equality:
      return "equality";
    case Clause::range:
      return "range";
    case Clause::join:
      return "join";
    case Clause::group:
      return "group";
    case Clause::order:
      return "order";
    case Clause::output:
      return "output";
    case Clause::assigned:
      return "assigned";
  }
  return "output";
}

namespace {

constexpr std::array<std::string_view, 8> kPlanned{"select", "insert", "update", "delete",
                                                   "merge",  "values", "table",  "with"};

}  // namespace

bool has_plan(std::string_view text) {
  text = past_lead(text, true);
  const auto end = std::find_if(text.begin(), text.end(),
                                [](unsigned char c) { return std::isalnum(c) == 0 && c != '_' && c < 0x80; });
  const auto word = to_lower(std::string(text.begin(), end));
  return std::find(kPlanned.begin(), kPlanned.end(), word) != kPlanned.end();
}

Result<StatementShape> analyse(std::string_view text, const HasColumn& has_column) {
  auto tree = parse_tree(text);
  if (!tree) return fail(std::move(tree.error()));
  if (tree->size() != 1) return fail(Errc::parse, tree->empty() ? "no statement" : "more than one statement");
  auto tokens = scan(text);
  if (!tokens) return fail(std::move(tokens.error()));
  Walker walker(has_column);
  walker.statement(child(tree->front(), "stmt"));
  if (walker.too_deep()) return fail(Errc::resource_exhausted, "the statement is nested too deeply");
  StatementShape shape = walker.take();
  shape.parameters = highest_parameter(*tokens);
  return shape;
}

Result<std::string> fingerprint(std::string_view text) {
  if (text.size() > kMaxTextBytes) return fail(Errc::resource_exhausted, "the statement is longer than 64 kB");
  const std::string copy(text);
  const PgQueryFingerprintResult made = pg_query_fingerprint(copy.c_str());
  if (made.error != nullptr) {
    auto error = fail(Errc::parse, made.error->message != nullptr ? made.error->message : "cannot be parsed");
    pg_query_free_fingerprint_result(made);
    return error;
  }
  std::string out = made.fingerprint_str;
  pg_query_free_fingerprint_result(made);
  return out;
}

Result<std::vector<std::string>> split(std::string_view text) {
  const std::string copy(text);
  const PgQuerySplitResult parts = pg_query_split_with_parser(copy.c_str());
  if (parts.error != nullptr) {
    auto error = fail(Errc::parse, parts.error->message != nullptr ? parts.error->message : "cannot be parsed");
    pg_query_free_split_result(parts);
    return error;
  }
  std::vector<std::string> out;
  for (int i = 0; i < parts.n_stmts; ++i) {
    const auto from = std::min(copy.size(), static_cast<std::size_t>(std::max(0, parts.stmts[i]->stmt_location)));
    const auto length = static_cast<std::size_t>(std::max(0, parts.stmts[i]->stmt_len));
    out.emplace_back(trim(std::string_view(copy).substr(from, length == 0 ? std::string::npos : length)));
  }
  pg_query_free_split_result(parts);
  return out;
}

}  // namespace pgtend::sql
