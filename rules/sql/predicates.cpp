#include <nlohmann/json.hpp>

#include "rules/sql/walker.hpp"

namespace pgtend::sql {

namespace {

// $1, $1::date, CAST($1 AS int): the parameter's number.
std::optional<int> parameter_of(const Json& node) {
  const Json* at = &node;
  while (kind_of(*at) == "TypeCast") at = &child(as(*at, "TypeCast"), "arg");
  const Json& number = child(as(*at, "ParamRef"), "number");
  if (number.is_number_integer()) return number.get<int>();
  return std::nullopt;
}

std::optional<Clause> clause_of(const std::string& op) {
  if (op == "=") return Clause::equality;
  if (op == "<" || op == ">" || op == "<=" || op == ">=") return Clause::range;
  return std::nullopt;
}

}  // namespace

std::optional<Resolved> Walker::column(const Json& node, const Scope& scope) const {
  const Json& fields = child(as(node, "ColumnRef"), "fields");
  if (!fields.is_array()) return std::nullopt;
  std::vector<std::string> names;
  for (const auto& field : fields) {
    names.push_back(text_of(as(field, "String"), "sval"));
    if (names.back().empty()) return std::nullopt;  // "*"
  }
  return scope.resolve(names, shape_.relations, has_column_);
}

ColumnUse& Walker::use(const Resolved& resolved, Clause clause, bool conjunct) {
  ColumnUse out;
  const RelationUse& relation = shape_.relations[resolved.relation];
  out.schema = relation.schema;
  out.table = relation.table;
  out.column = resolved.column;
  out.clause = clause;
  out.relation = resolved.relation;
  out.query = resolved.query;
  out.conjunct = conjunct;
  shape_.columns.push_back(std::move(out));
  return shape_.columns.back();
}

bool Walker::reads(const Json& node, const Scope& scope, std::size_t relation) {
  const Level level(*this);
  if (!level) return true;
  if (kind_of(node) == "ColumnRef") {
    const auto found = column(node, scope);
    return !found || found->relation == relation;
  }
  if (node.is_structured())
    for (const auto& part : node)
      if (reads(part, scope, relation)) return true;
  return false;
}

bool Walker::reads_any(const Json& node, const Scope& scope) {
  const Level level(*this);
  if (!level) return true;
  if (kind_of(node) == "ColumnRef") return true;
  if (node.is_structured())
    for (const auto& part : node)
      if (reads_any(part, scope)) return true;
  return false;
}

void Walker::predicate(const Json& node, const Scope& scope, bool conjunct) {
  const Level level(*this);
  if (!level || !node.is_object()) return;
  const std::string_view kind = kind_of(node);
  if (kind == "BoolExpr") {
    const Json& expr = node["BoolExpr"];
    const std::string op = text_of(expr, "boolop");
    for (const auto& arg : child(expr, "args")) {
      // What stands under NOT restricts nothing that a B-tree could look up.
      if (op == "NOT_EXPR") {
        if (kind_of(arg) == "SubLink") {
          predicate(arg, scope, false);
        } else {
          expression(arg, scope);
        }
      } else {
        predicate(arg, scope, conjunct && op == "AND_EXPR");
      }
    }
  } else if (kind == "A_Expr") {
    comparison(node["A_Expr"], scope, conjunct);
  } else if (kind == "NullTest" || kind == "BooleanTest") {
    null_test(node, scope, conjunct);
  } else if (kind == "SubLink") {
    sublink(node["SubLink"], scope, conjunct);
  } else {
    expression(node, scope);
  }
}

void Walker::comparison(const Json& node, const Scope& scope, bool conjunct) {
  const std::string kind = text_of(node, "kind");
  const std::string op = last_name(child(node, "name"));
  const Json& left = child(node, "lexpr");
  const Json& right = child(node, "rexpr");
  const auto clause = clause_of(op);
  if (kind == "AEXPR_OP" && clause && (kind_of(left) == "RowExpr" || kind_of(right) == "RowExpr")) {
    row_comparison(left, right, op, scope, conjunct);
  } else if (kind == "AEXPR_OP" && clause) {
    compare(left, right, *clause, scope, conjunct);
  } else if ((kind == "AEXPR_IN" || kind == "AEXPR_OP_ANY") && op == "=") {
    compare(left, right, Clause::equality, scope, conjunct);
  } else if (kind == "AEXPR_BETWEEN") {
    compare(left, right, Clause::range, scope, conjunct);
  } else {
    expression(left, scope);
    expression(right, scope);
  }
}

void Walker::compare(const Json& left, const Json& right, Clause clause, const Scope& scope, bool conjunct) {
  const auto a = column(left, scope);
  const auto b = column(right, scope);
  if (a && b && a->relation != b->relation) {
    const Clause both = clause == Clause::equality ? Clause::join : clause;
    use(*a, both, conjunct);
    use(*b, both, conjunct);
    return;
  }
  const auto one_side = [&](const std::optional<Resolved>& mine, const Json& my_node, const Json& other) {
    // Against an expression over the same table, or with columns nobody could place, no index looks it up.
    if (!mine || reads(other, scope, mine->relation)) {
      expression(my_node, scope);
      return;
    }
    const bool joins = clause == Clause::equality && reads_any(other, scope);
    ColumnUse& added = use(*mine, joins ? Clause::join : clause, conjunct);
    added.parameter = parameter_of(other);
  };
  one_side(a, left, right);
  one_side(b, right, left);
}

void Walker::row_comparison(const Json& left, const Json& right, const std::string& op, const Scope& scope,
                            bool conjunct) {
  const Json& mine = child(as(left, "RowExpr"), "args");
  const Json& other = child(as(right, "RowExpr"), "args");
  if (!mine.is_array() || !other.is_array() || mine.size() != other.size()) {
    expression(left, scope);
    expression(right, scope);
    return;
  }
  const auto clause = *clause_of(op);
  for (std::size_t i = 0; i < mine.size(); ++i) {
    // (a, b) > ($1, $2) walks an index on (a, b): both are range columns, in this order.
    compare(mine[i], other[i], clause, scope, conjunct);
  }
}

void Walker::null_test(const Json& node, const Scope& scope, bool conjunct) {
  const bool is_null_test = kind_of(node) == "NullTest";
  const Json& test = is_null_test ? node["NullTest"] : node["BooleanTest"];
  const auto found = column(child(test, "arg"), scope);
  if (!found) {
    expression(child(test, "arg"), scope);
    return;
  }
  use(*found, Clause::output, conjunct);
  if (!conjunct) return;
  const std::string kind = text_of(test, is_null_test ? "nulltesttype" : "booltesttype");
  std::string says;
  if (kind == "IS_NULL") says = " IS NULL";
  if (kind == "IS_NOT_NULL") says = " IS NOT NULL";
  if (kind == "IS_TRUE") says = " IS TRUE";
  if (kind == "IS_NOT_TRUE") says = " IS NOT TRUE";
  if (kind == "IS_FALSE") says = " IS FALSE";
  if (kind == "IS_NOT_FALSE") says = " IS NOT FALSE";
  if (!says.empty())
    shape_.constant_predicates.push_back(shape_.relations[found->relation].table + "." + found->column + says);
}

void Walker::sublink(const Json& node, const Scope& scope, bool conjunct) {
  const Json& inner = as(child(node, "subselect"), "SelectStmt");
  const std::string type = text_of(node, "subLinkType");
  const std::string op = last_name(child(node, "operName"));
  if (type == "ANY_SUBLINK" && (op.empty() || op == "=")) {
    if (const auto found = column(child(node, "testexpr"), scope)) {
      use(*found, Clause::join, conjunct);
    } else {
      expression(child(node, "testexpr"), scope);
    }
  } else {
    expression(child(node, "testexpr"), scope);
  }
  select(inner, &scope);
}

void Walker::expression(const Json& node, const Scope& scope) {
  const Level level(*this);
  if (!level || !node.is_structured()) return;
  const std::string_view kind = kind_of(node);
  if (kind == "ColumnRef") {
    if (const auto found = column(node, scope)) use(*found, Clause::output, false);
    return;
  }
  if (kind == "SelectStmt") {
    select(node["SelectStmt"], &scope);
    return;
  }
  for (const auto& part : node) expression(part, scope);
}

}  // namespace pgtend::sql
