#include "rules/sql/ddl.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/base/strings.hpp"
#include "rules/sql/ddl_reader.hpp"

namespace pgtend::sql {

namespace {

using Kind = Action::Kind;
using Actions = std::vector<Action>;

Action on(Kind kind, ObjectName target) {
  Action out;
  out.kind = kind;
  out.target = std::move(target);
  return out;
}

bool cascades(const Json& statement) {
  return text_of(statement, "behavior") == "DROP_CASCADE";
}

// Whether an option of (…) is on: present without a value, or with one that means yes.
bool option(const Json& list, std::string_view name) {
  if (!list.is_array()) return false;
  for (const auto& node : list) {
    const auto& element = as(node, "DefElem");
    if (text_of(element, "defname") != name) continue;
    const auto& value = child(element, "arg");
    const auto word = to_lower(text_of(as(value, "String"), "sval"));
    return value.is_null() || flag_of(as(value, "Boolean"), "boolval") || word == "true" || word == "on" ||
           child(as(value, "Integer"), "ival") == 1;
  }
  return false;
}

std::size_t where(const Json& node, std::size_t otherwise) {
  const auto& at = child(node, "location");
  return at.is_number_unsigned() ? at.get<std::size_t>() : otherwise;
}

// Where an element of CREATE TABLE's list ends: at the comma or bracket that closes it.
std::size_t element_end(const std::vector<Token>& tokens, std::size_t start, std::size_t otherwise) {
  int depth = 0;
  for (const auto& token : tokens) {
    if (token.start < start || token.kind == Token::Kind::comment) continue;
    if (depth == 0 && (token.text == "," || token.text == ")")) return token.start;
    if (token.text == "(") ++depth;
    if (token.text == ")") --depth;
  }
  return otherwise;
}

Actions create_table(const Json& statement, std::string_view text, const std::vector<Token>& tokens) {
  auto action = on(Kind::create_table, relation_name(child(statement, "relation")));
  action.if_exists = flag_of(statement, "if_not_exists");
  action.flag = !child(statement, "partbound").is_null();
  const auto& parents = child(statement, "inhRelations");
  if (parents.is_array() && !parents.empty()) action.related = relation_name(as(parents.front(), "RangeVar"));
  const auto& elements = child(statement, "tableElts");
  for (std::size_t i = 0; elements.is_array() && i < elements.size(); ++i) {
    if (const auto& column = as(elements[i], "ColumnDef"); !column.is_null())
      action.columns.push_back(read_column(column, text, element_end(tokens, where(column, 0), text.size())));
    if (const auto& constraint = as(elements[i], "Constraint"); !constraint.is_null())
      action.constraints.push_back(read_constraint(constraint));
  }
  return {action};
}

Actions create_index(const Json& statement) {
  auto action = on(Kind::create_index, relation_name(child(statement, "relation")));
  action.related = {action.target.schema, text_of(statement, "idxname")};
  action.concurrently = flag_of(statement, "concurrent");
  action.if_exists = flag_of(statement, "if_not_exists");
  action.flag = flag_of(statement, "unique");
  return {action};
}

Kind dropped(const std::string& type) {
  if (type == "OBJECT_TABLE" || type == "OBJECT_MATVIEW") return Kind::drop_table;
  if (type == "OBJECT_INDEX") return Kind::drop_index;
  return type == "OBJECT_SCHEMA" ? Kind::drop_schema : Kind::drop_other;
}

Actions drop(const Json& statement) {
  Actions out;
  const auto type = text_of(statement, "removeType");
  const auto& objects = child(statement, "objects");
  for (std::size_t i = 0; objects.is_array() && i < objects.size(); ++i) {
    const auto& one = objects[i];
    auto name = kind_of(one) == "List" ? listed_name(child(as(one, "List"), "items"))
                                       : ObjectName{"", text_of(as(one, "String"), "sval")};
    auto action = on(dropped(type), std::move(name));
    action.word = type;
    action.concurrently = flag_of(statement, "concurrent");
    action.if_exists = flag_of(statement, "missing_ok");
    action.cascade = cascades(statement);
    out.push_back(std::move(action));
  }
  return out;
}

Actions each_relation(Kind kind, const Json& statement) {
  Actions out;
  const auto& relations = child(statement, "relations");
  for (std::size_t i = 0; relations.is_array() && i < relations.size(); ++i) {
    auto action = on(kind, relation_name(as(relations[i], "RangeVar")));
    action.cascade = cascades(statement);
    if (const auto& mode = child(statement, "mode"); mode.is_number_integer()) action.level = mode.get<int>();
    out.push_back(std::move(action));
  }
  return out;
}

Actions vacuum(const Json& statement) {
  if (!flag_of(statement, "is_vacuumcmd")) return {Action()};
  auto action = on(Kind::vacuum, {});
  action.flag = option(child(statement, "options"), "full");
  const auto& relations = child(statement, "rels");
  if (relations.is_array() && !relations.empty())
    action.target = relation_name(child(as(relations.front(), "VacuumRelation"), "relation"));
  return {action};
}

Actions reindex(const Json& statement) {
  auto action = on(Kind::reindex, relation_name(child(statement, "relation")));
  action.word = text_of(statement, "kind").substr(std::string_view("REINDEX_OBJECT_").size());
  if (action.target.name.empty()) action.target.name = text_of(statement, "name");
  action.concurrently = option(child(statement, "params"), "concurrently");
  return {action};
}

Actions rename(const Json& statement) {
  const auto type = text_of(statement, "renameType");
  auto action = on(Kind::other, relation_name(child(statement, "relation")));
  action.word = text_of(statement, "newname");
  if (type == "OBJECT_TABLE" || type == "OBJECT_MATVIEW" || type == "OBJECT_VIEW") action.kind = Kind::rename_table;
  if (type == "OBJECT_TABCONSTRAINT") action.kind = Kind::alter_strong;
  if (type == "OBJECT_SCHEMA") {
    action.kind = Kind::rename_schema;
    action.target = {"", text_of(statement, "subname")};
  }
  if (type == "OBJECT_COLUMN") {
    action.kind = Kind::rename_column;
    action.related.name = action.word;
    action.word = text_of(statement, "subname");
  }
  return {action};
}

Actions transaction(const Json& statement) {
  const auto kind = text_of(statement, "kind");
  if (kind == "TRANS_STMT_BEGIN" || kind == "TRANS_STMT_START") return {on(Kind::begin, {})};
  if (kind == "TRANS_STMT_COMMIT" || kind == "TRANS_STMT_ROLLBACK") return {on(Kind::commit, {})};
  return {Action()};
}

// 0 switches the limit off, and so does RESET as far as a script can know.
bool limits(const Json& arguments) {
  if (!arguments.is_array() || arguments.empty()) return false;
  const auto& constant = as(arguments.front(), "A_Const");
  const auto word = text_of(child(constant, "sval"), "sval");
  const auto& number = child(child(constant, "ival"), "ival");
  return word.empty() ? number.is_number_integer() && number != 0 : word.find_first_of("123456789") != word.npos;
}

Actions set(const Json& statement) {
  if (text_of(statement, "name") != "lock_timeout") return {Action()};
  auto action = on(Kind::set_lock_timeout, {});
  action.flag = limits(child(statement, "args"));
  return {action};
}

Actions select(const Json& statement) {
  if (const auto& into = child(statement, "intoClause"); !into.is_null())
    return {on(Kind::create_table_as, relation_name(child(into, "rel")))};
  const auto& targets = child(statement, "targetList");
  for (std::size_t i = 0; targets.is_array() && i < targets.size(); ++i) {
    const auto& call = as(child(as(targets[i], "ResTarget"), "val"), "FuncCall");
    const auto& arguments = child(call, "args");
    if (last_name(child(call, "funcname")) != "set_config" || !arguments.is_array() || arguments.size() < 2) continue;
    if (text_of(child(as(arguments[0], "A_Const"), "sval"), "sval") != "lock_timeout") continue;
    auto action = on(Kind::set_lock_timeout, {});
    action.flag = limits(Json::array({arguments[1]}));
    return {action};
  }
  return {Action()};
}

Actions write(Kind kind, const Json& statement) {
  auto action = on(kind, relation_name(child(statement, "relation")));
  action.flag = !child(statement, "whereClause").is_null();
  return {action};
}

Actions insert(const Json& statement) {
  const auto& query = as(child(statement, "selectStmt"), "SelectStmt");
  const bool reads = !child(query, "fromClause").is_null() || !child(query, "larg").is_null();
  return {on(reads ? Kind::insert_query : Kind::other, relation_name(child(statement, "relation")))};
}

Actions enum_value(const Json& statement) {
  if (!text_of(statement, "oldVal").empty()) return {Action()};
  auto action = on(Kind::enum_add_value, listed_name(child(statement, "typeName")));
  action.word = text_of(statement, "newVal");
  return {action};
}

Actions of_relation(Kind kind, const Json& statement, const char* field = "relation") {
  auto action = on(kind, relation_name(child(statement, field)));
  action.concurrently = flag_of(statement, "concurrent");
  return {action};
}

Actions set_schema(const Json& statement) {
  if (text_of(statement, "objectType") != "OBJECT_TABLE") return {Action()};
  auto action = on(Kind::set_schema, relation_name(child(statement, "relation")));
  action.word = text_of(statement, "newschema");
  return {action};
}

Actions create_as(const Json& statement) {
  return {on(Kind::create_table_as, relation_name(child(child(statement, "into"), "rel")))};
}

Actions copy(const Json& statement) {
  return {on(flag_of(statement, "is_from") ? Kind::copy_in : Kind::other, relation_name(child(statement, "relation")))};
}

}  // namespace

std::vector<Action> read_actions(const Json& statement, std::string_view text, const std::vector<Token>& tokens) {
  const auto kind = kind_of(statement);
  const auto& body = as(statement, std::string(kind).c_str());
  if (kind == "AlterTableStmt") return read_alter_table(body, text, tokens);
  if (kind == "CreateStmt") return create_table(body, text, tokens);
  if (kind == "CreateTableAsStmt") return create_as(body);
  if (kind == "IndexStmt") return create_index(body);
  if (kind == "DropStmt") return drop(body);
  if (kind == "DropdbStmt") return {on(Kind::drop_database, {"", text_of(body, "dbname")})};
  if (kind == "TruncateStmt") return each_relation(Kind::truncate, body);
  if (kind == "LockStmt") return each_relation(Kind::lock_table, body);
  if (kind == "VacuumStmt") return vacuum(body);
  if (kind == "ClusterStmt") return of_relation(Kind::cluster, body);
  if (kind == "ReindexStmt") return reindex(body);
  if (kind == "RefreshMatViewStmt") return of_relation(Kind::refresh, body);
  if (kind == "RenameStmt") return rename(body);
  if (kind == "AlterObjectSchemaStmt") return set_schema(body);
  if (kind == "TransactionStmt") return transaction(body);
  if (kind == "VariableSetStmt") return set(body);
  if (kind == "SelectStmt") return select(body);
  if (kind == "UpdateStmt") return write(Kind::update, body);
  if (kind == "DeleteStmt") return write(Kind::delete_rows, body);
  if (kind == "InsertStmt") return insert(body);
  if (kind == "CopyStmt") return copy(body);
  if (kind == "AlterEnumStmt") return enum_value(body);
  if (kind == "CreateTrigStmt") return of_relation(Kind::create_trigger, body);
  if (kind == "ViewStmt") return of_relation(Kind::create_view, body, "view");
  if (kind == "CreatePolicyStmt") return of_relation(Kind::create_policy, body, "table");
  if (kind == "AlterSystemStmt") return {on(Kind::system_setting, {})};
  if (kind == "CreatedbStmt" || kind == "CreateTableSpaceStmt" || kind == "DropTableSpaceStmt")
    return {on(Kind::outside_transaction, {})};
  return {Action()};
}

}  // namespace pgtend::sql
