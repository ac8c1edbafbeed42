#include "rules/sql/script.hpp"

#include <pg_query.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/base/strings.hpp"
#include "rules/sql/tokens.hpp"
#include "rules/sql/tree.hpp"

namespace pgtend::sql {

namespace {

// The parser counts characters, from 1.
std::size_t byte_of_character(std::string_view text, int position) {
  std::size_t at = 0;
  for (int character = 1; character < position && at < text.size(); ++character) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
  }
  return at;
}

std::size_t bounded(int value, std::size_t most) {
  return std::min(most, static_cast<std::size_t>(std::max(0, value)));
}

ScriptError error_at(std::string_view text, const PgQueryError& error) {
  return {error.message != nullptr ? error.message : "cannot be parsed", byte_of_character(text, error.cursorpos)};
}

bool is_true(const Json& node, const char* key) {
  const Json& value = child(node, key);
  return value.is_boolean() && value.get<bool>();
}

bool has_option(const Json& node, const char* list, std::string_view name) {
  const Json& options = child(node, list);
  return std::any_of(options.begin(), options.end(),
                     [&](const Json& option) { return text_of(as(option, "DefElem"), "defname") == name; });
}

void read_index(const Json& node, ScriptStatement& out) {
  out.outside_transaction = is_true(node, "concurrent");
  if (!out.outside_transaction) return;
  out.effect = ScriptEffect::create_index;
  out.name = text_of(node, "idxname");
  out.schema = out.table_schema = text_of(child(node, "relation"), "schemaname");
  out.table = text_of(child(node, "relation"), "relname");
  if (out.name.empty())
    out.refused = "an index that is built CONCURRENTLY needs a name, by which an interrupted build is found again";
  if (is_true(node, "if_not_exists"))
    out.refused = "IF NOT EXISTS would take an INVALID index for success; leave it out: pgtend looks itself";
}

void read_drop(const Json& node, ScriptStatement& out) {
  out.outside_transaction = is_true(node, "concurrent");
  if (!out.outside_transaction) return;
  out.effect = ScriptEffect::drop_index;
  const Json& objects = child(node, "objects");
  if (!objects.is_array() || objects.empty()) return;
  const Json& names = child(as(objects.front(), "List"), "items");
  out.name = last_name(names);
  if (names.is_array() && names.size() > 1) out.schema = text_of(as(names[names.size() - 2], "String"), "sval");
}

void read_reindex(const Json& node, ScriptStatement& out) {
  const auto kind = text_of(node, "kind");
  const bool concurrently = has_option(node, "params", "concurrently");
  out.outside_transaction = concurrently || (kind != "REINDEX_OBJECT_INDEX" && kind != "REINDEX_OBJECT_TABLE");
  if (concurrently) out.effect = ScriptEffect::reindex;
  const Json& relation = child(node, "relation");
  (kind == "REINDEX_OBJECT_INDEX" ? out.schema : out.table_schema) = text_of(relation, "schemaname");
  (kind == "REINDEX_OBJECT_INDEX" ? out.name : out.table) = text_of(relation, "relname");
}

void read_alter_table(const Json& node, ScriptStatement& out) {
  for (const auto& command : child(node, "cmds")) {
    const Json& part = as(child(as(command, "AlterTableCmd"), "def"), "PartitionCmd");
    if (text_of(as(command, "AlterTableCmd"), "subtype") != "AT_DetachPartition" || !is_true(part, "concurrent"))
      continue;
    out.outside_transaction = true;
    out.effect = ScriptEffect::detach;
    out.schema = text_of(child(part, "name"), "schemaname");
    out.name = text_of(child(part, "name"), "relname");
    out.table_schema = text_of(child(node, "relation"), "schemaname");
    out.table = text_of(child(node, "relation"), "relname");
  }
}

void classify(const Json& statement, ScriptStatement& out) {
  const auto kind = kind_of(statement);
  const Json& node = as(statement, std::string(kind).c_str());
  if (kind == "SelectStmt") out.is_query = child(node, "intoClause").is_null();
  if (kind == "IndexStmt") read_index(node, out);
  if (kind == "DropStmt") read_drop(node, out);
  if (kind == "ReindexStmt") read_reindex(node, out);
  if (kind == "AlterTableStmt") read_alter_table(node, out);
  if (kind == "VacuumStmt") out.outside_transaction = is_true(node, "is_vacuumcmd");
  if (kind == "ClusterStmt") out.outside_transaction = child(node, "relation").is_null();
  if (kind == "AlterSystemStmt") out.outside_transaction = true;
  for (const char* one : {"CreatedbStmt", "DropdbStmt", "CreateTableSpaceStmt", "DropTableSpaceStmt",
                          "CreateSubscriptionStmt", "DropSubscriptionStmt"}) {
    if (kind != one) continue;
    out.outside_transaction = true;
    out.effect = ScriptEffect::create;
  }
  if (kind == "TransactionStmt")
    out.refused = "transactions are begun and ended by pgtend; leave BEGIN, COMMIT and ROLLBACK out";
  if (kind == "DiscardStmt") out.refused = "DISCARD would give up the lock that keeps a second runner away";
  if (kind == "CopyStmt" && is_true(node, "is_from") && text_of(node, "filename").empty())
    out.refused = "COPY FROM STDIN has no data in a migration file; write INSERT";
}

}  // namespace

tl::expected<std::vector<Piece>, ScriptError> split_script(const std::string& text) {
  const PgQuerySplitResult parts = pg_query_split_with_parser(text.c_str());
  if (parts.error != nullptr) {
    auto error = error_at(text, *parts.error);
    pg_query_free_split_result(parts);
    return tl::unexpected(std::move(error));
  }
  std::vector<Piece> out;
  for (int i = 0; i < parts.n_stmts; ++i) {
    const auto at = bounded(parts.stmts[i]->stmt_location, text.size());
    const auto length = bounded(parts.stmts[i]->stmt_len, text.size() - at);
    out.push_back({at, length == 0 ? text.size() : at + length});
  }
  pg_query_free_split_result(parts);
  return out;
}

tl::expected<std::vector<ScriptStatement>, ScriptError> read_script(std::string_view text) {
  if (text.size() > kMaxScriptBytes) return tl::unexpected(ScriptError{"the script is longer than 16 MB", 0});
  const auto zero = text.find('\0');
  if (zero != std::string_view::npos) return tl::unexpected(ScriptError{"the script holds a zero byte", zero});
  const auto pieces = split_script(std::string(text));
  if (!pieces) return tl::unexpected(pieces.error());
  std::vector<ScriptStatement> out;
  for (const auto& piece : *pieces) {
    const auto whole = text.substr(piece.at, piece.end - piece.at);
    const auto bare = past_lead(whole, false);
    ScriptStatement statement;
    statement.text = trim(bare);
    statement.offset = piece.at + (whole.size() - bare.size());
    // Only rows that are inserted make a statement too long for its tree.
    if (auto tree = parse_tree(statement.text); tree && tree->size() == 1)
      classify(child(tree->front(), "stmt"), statement);
    if (!statement.text.empty()) out.push_back(std::move(statement));
  }
  return out;
}

tl::expected<std::vector<ScriptComment>, ScriptError> line_comments(std::string_view text) {
  const auto tokens = scan(text, kMaxScriptBytes);
  if (!tokens) return tl::unexpected(ScriptError{tokens.error().message, 0});
  std::vector<ScriptComment> out;
  for (const auto& token : *tokens)
    if (token.kind == Token::Kind::comment && token.text.starts_with("--")) out.push_back({token.text, token.start});
  return out;
}

}  // namespace pgtend::sql
