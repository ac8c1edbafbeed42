#include "rules/sql/walker.hpp"

#include <nlohmann/json.hpp>

namespace pgtend::sql {

namespace {

RelationUse relation_of(const Json& range_var) {
  RelationUse out;
  out.schema = text_of(range_var, "schemaname");
  out.table = text_of(range_var, "relname");
  out.alias = text_of(child(range_var, "alias"), "aliasname");
  if (out.alias.empty()) out.alias = out.table;
  return out;
}

bool has_limit(const Json& select) {
  const Json& count = child(select, "limitCount");
  return !count.is_null() && !child(as(count, "A_Const"), "isnull").is_boolean();
}

// 1-based position of "ORDER BY 2", 0 when it is something else.
std::size_t position_of(const Json& node) {
  const Json& value = child(child(as(node, "A_Const"), "ival"), "ival");
  return value.is_number_integer() && value.get<std::int64_t>() > 0 ? value.get<std::size_t>() : 0;
}

}  // namespace

void Walker::statement(const Json& node) {
  const std::string_view kind = kind_of(node);
  using Kind = StatementShape::Kind;
  if (kind == "SelectStmt") {
    shape_.kind = Kind::select;
    select(node["SelectStmt"], nullptr);
  } else if (kind == "InsertStmt") {
    shape_.kind = Kind::insert;
    insert(node["InsertStmt"]);
  } else if (kind == "UpdateStmt") {
    shape_.kind = Kind::update;
    update(node["UpdateStmt"]);
  } else if (kind == "DeleteStmt") {
    shape_.kind = Kind::delete_;
    remove(node["DeleteStmt"]);
  } else if (kind == "MergeStmt" || kind.empty()) {
    shape_.kind = Kind::other;
  } else {
    shape_.kind = Kind::utility;
  }
}

void Walker::select(const Json& node, const Scope* parent) {
  const Level level(*this);
  if (!level) return;
  Scope scope(++queries_, parent);
  with(child(node, "withClause"), scope);
  const bool limited = has_limit(node);
  if (limited) shape_.has_limit = true;
  if (child(node, "larg").is_object()) {
    select(child(node, "larg"), &scope);
    select(child(node, "rarg"), &scope);
    return;
  }
  std::vector<const Json*> conditions;
  for (const auto& item : child(node, "fromClause")) from(item, scope, conditions);
  for (const Json* condition : conditions) predicate(*condition, scope, true);
  predicate(child(node, "whereClause"), scope, true);
  for (const auto& item : child(node, "targetList")) expression(item, scope);
  group_and_order(node, scope, limited);
  for (const char* key : {"havingClause", "windowClause", "distinctClause", "valuesLists"})
    expression(child(node, key), scope);
  expression(child(node, "limitCount"), scope);
  expression(child(node, "limitOffset"), scope);
}

void Walker::with(const Json& clause, Scope& scope) {
  const bool recursive = child(clause, "recursive").is_boolean();
  for (const auto& item : child(clause, "ctes")) {
    const Json& cte = as(item, "CommonTableExpr");
    const std::string name = text_of(cte, "ctename");
    if (recursive) scope.add_cte(name);
    const Json& query = child(cte, "ctequery");
    if (const Json& inner = as(query, "SelectStmt"); inner.is_object()) {
      select(inner, &scope);
    } else {
      // A data-modifying WITH query: its writes count, the statement stays what it is.
      const auto kind = shape_.kind;
      statement(query);
      shape_.kind = kind;
    }
    scope.add_cte(name);
  }
}

void Walker::from(const Json& item, Scope& scope, std::vector<const Json*>& conditions) {
  const Level level(*this);
  if (!level) return;
  if (const Json& range = as(item, "RangeVar"); range.is_object()) {
    RelationUse relation = relation_of(range);
    if (relation.schema.empty() && scope.is_cte(relation.table)) {
      scope.add_opaque(relation.alias);
      return;
    }
    scope.add_relation(relation.alias, shape_.relations.size());
    shape_.relations.push_back(std::move(relation));
  } else if (const Json& join = as(item, "JoinExpr"); join.is_object()) {
    const std::size_t left = scope.size();
    from(child(join, "larg"), scope, conditions);
    const std::size_t right = scope.size();
    from(child(join, "rarg"), scope, conditions);
    if (child(join, "quals").is_object()) conditions.push_back(&child(join, "quals"));
    using_columns(join, scope, left, right);
  } else if (const Json& sub = as(item, "RangeSubselect"); sub.is_object()) {
    select(as(child(sub, "subquery"), "SelectStmt"), &scope);
    scope.add_opaque(text_of(child(sub, "alias"), "aliasname"));
  } else {
    const Json& function = as(item, "RangeFunction");
    expression(item, scope);
    scope.add_opaque(text_of(child(function, "alias"), "aliasname"));
  }
}

void Walker::using_columns(const Json& join, Scope& scope, std::size_t left, std::size_t right) {
  for (const auto& name : child(join, "usingClause")) {
    const std::string column = text_of(as(name, "String"), "sval");
    const auto a = scope.resolve_among(left, right, column, shape_.relations, has_column_);
    const auto b = scope.resolve_among(right, scope.size(), column, shape_.relations, has_column_);
    if (a) use(*a, Clause::join, true);
    if (b) use(*b, Clause::join, true);
  }
}

void Walker::group_and_order(const Json& node, const Scope& scope, bool limited) {
  const Json& targets = child(node, "targetList");
  // ORDER BY total, ORDER BY 2: what the select list says under that name or number.
  const auto through_targets = [&](const Json& item) -> const Json& {
    if (const std::size_t at = position_of(item); at > 0 && targets.is_array() && at <= targets.size())
      return child(as(targets[at - 1], "ResTarget"), "val");
    const Json& fields = child(as(item, "ColumnRef"), "fields");
    if (fields.is_array() && fields.size() == 1) {
      const std::string name = last_name(fields);
      for (const auto& entry : targets) {
        const Json& target = as(entry, "ResTarget");
        if (!name.empty() && text_of(target, "name") == name) return child(target, "val");
      }
    }
    return item;
  };
  for (const auto& item : child(node, "groupClause")) {
    const Json& what = through_targets(item);
    if (const auto found = column(what, scope); found && !found->outer) {
      use(*found, Clause::group, true);
    } else {
      expression(what, scope);
    }
  }
  for (const auto& item : child(node, "sortClause")) {
    const Json& sort = as(item, "SortBy");
    const Json& what = through_targets(child(sort, "node"));
    const auto found = column(what, scope);
    if (!found || found->outer) {
      expression(what, scope);
      // An expression in the order ends what an index on plain columns can deliver.
      limited = false;
      continue;
    }
    ColumnUse& added = use(*found, Clause::order, true);
    added.descending = text_of(sort, "sortby_dir") == "SORTBY_DESC";
    // NULLS FIRST/LAST away from the default cannot be served by the indexes that the advisor proposes.
    const std::string nulls = text_of(sort, "sortby_nulls");
    const bool plain =
        nulls == "SORTBY_NULLS_DEFAULT" || nulls == (added.descending ? "SORTBY_NULLS_FIRST" : "SORTBY_NULLS_LAST");
    limited = limited && plain;
    added.limited = limited;
  }
}

void Walker::target(const Json& range_var, Scope& scope) {
  RelationUse relation = relation_of(range_var);
  relation.written = true;
  scope.add_relation(relation.alias, shape_.relations.size());
  shape_.relations.push_back(std::move(relation));
}

void Walker::assignments(const Json& list, const Scope& scope, std::size_t relation) {
  for (const auto& item : list) {
    const Json& target = as(item, "ResTarget");
    const Json& value = child(target, "val");
    ColumnUse& added = use({relation, text_of(target, "name"), scope.query(), false}, Clause::assigned, true);
    if (const Json& number = child(as(value, "ParamRef"), "number"); number.is_number_integer())
      added.parameter = number.get<int>();
    expression(value, scope);
  }
}

void Walker::insert(const Json& node) {
  Scope scope(++queries_, nullptr);
  with(child(node, "withClause"), scope);
  const std::size_t relation = shape_.relations.size();
  target(child(node, "relation"), scope);
  if (const Json& source = as(child(node, "selectStmt"), "SelectStmt"); source.is_object()) select(source, &scope);
  const Json& conflict = child(node, "onConflictClause");
  assignments(child(conflict, "targetList"), scope, relation);
  expression(child(conflict, "whereClause"), scope);
  expression(child(node, "returningList"), scope);
}

void Walker::update(const Json& node) {
  Scope scope(++queries_, nullptr);
  with(child(node, "withClause"), scope);
  const std::size_t relation = shape_.relations.size();
  target(child(node, "relation"), scope);
  std::vector<const Json*> conditions;
  for (const auto& item : child(node, "fromClause")) from(item, scope, conditions);
  assignments(child(node, "targetList"), scope, relation);
  for (const Json* condition : conditions) predicate(*condition, scope, true);
  predicate(child(node, "whereClause"), scope, true);
  expression(child(node, "returningList"), scope);
}

void Walker::remove(const Json& node) {
  Scope scope(++queries_, nullptr);
  with(child(node, "withClause"), scope);
  target(child(node, "relation"), scope);
  std::vector<const Json*> conditions;
  for (const auto& item : child(node, "usingClause")) from(item, scope, conditions);
  for (const Json* condition : conditions) predicate(*condition, scope, true);
  predicate(child(node, "whereClause"), scope, true);
  expression(child(node, "returningList"), scope);
}

}  // namespace pgtend::sql
