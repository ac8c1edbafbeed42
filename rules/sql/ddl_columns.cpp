#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "agent/base/strings.hpp"
#include "rules/sql/ddl_reader.hpp"

namespace pgtend::sql {

namespace {

// Functions of core that the server evaluates once for an added column, and those that it must call for each row.
// Source: provolatile in pg_proc of PostgreSQL 15, and of 18 for uuidv4 and uuidv7.
constexpr std::array<std::string_view, 22> kOnce{"now",
                                                 "transaction_timestamp",
                                                 "statement_timestamp",
                                                 "current_setting",
                                                 "to_char",
                                                 "lower",
                                                 "upper",
                                                 "date_trunc",
                                                 "concat",
                                                 "jsonb_build_object",
                                                 "json_build_object",
                                                 "jsonb_build_array",
                                                 "to_jsonb",
                                                 "make_interval",
                                                 "make_date",
                                                 "timezone",
                                                 "date_part",
                                                 "md5",
                                                 "length",
                                                 "round",
                                                 "left",
                                                 "array_append"};
constexpr std::array<std::string_view, 12> kEachRow{
    "random", "clock_timestamp", "gen_random_uuid", "uuid_generate_v1", "uuid_generate_v4", "uuidv4",
    "uuidv7", "timeofday",       "nextval",         "gen_random_bytes", "txid_current",     "pg_current_xact_id"};

DefaultKind kind_of_function(const std::string& name) {
  if (std::find(kEachRow.begin(), kEachRow.end(), name) != kEachRow.end()) return DefaultKind::each_row;
  return std::find(kOnce.begin(), kOnce.end(), name) != kOnce.end() ? DefaultKind::once : DefaultKind::unknown_function;
}

DefaultKind kind_of_default(const Json& node, int depth = 0) {
  if (depth > kMaxDepth) return DefaultKind::unknown_function;
  auto out = DefaultKind::once;
  if (node.is_object() && node.contains("FuncCall"))
    out = kind_of_function(last_name(child(as(node, "FuncCall"), "funcname")));
  if (!node.is_structured()) return out;
  for (const auto& part : node) {
    const auto inner = kind_of_default(part, depth + 1);
    if (out == DefaultKind::each_row || inner == DefaultKind::once) continue;
    out = inner;
  }
  return out;
}

bool is_null_constant(const Json& expression) {
  return flag_of(as(expression, "A_Const"), "isnull");
}

std::vector<std::string> strings_of(const Json& list) {
  std::vector<std::string> out;
  if (!list.is_array()) return out;
  for (const auto& node : list) out.push_back(text_of(as(node, "String"), "sval"));
  return out;
}

// The column of CHECK (column IS NOT NULL), else empty.
std::string not_null_column(const Json& expression) {
  const auto& test = as(expression, "NullTest");
  if (text_of(test, "nulltesttype") != "IS_NOT_NULL") return {};
  const auto& fields = child(as(child(test, "arg"), "ColumnRef"), "fields");
  return fields.is_array() && fields.size() == 1 ? last_name(fields) : std::string();
}

TypeUse read_type(const Json& type) {
  TypeUse out;
  out.name = last_name(child(type, "names"));
  out.modifier = child(type, "typmods").is_array();
  out.array = child(type, "arrayBounds").is_array();
  return out;
}

std::size_t location_of(const Json& node, std::size_t otherwise) {
  const auto& at = child(node, "location");
  return at.is_number_unsigned() ? at.get<std::size_t>() : otherwise;
}

ColumnClause read_clause(const Json& constraint, ColumnDef& column) {
  ColumnClause out;
  const auto type = text_of(constraint, "contype");
  const auto& expression = child(constraint, "raw_expr");
  using Kind = ColumnClause::Kind;
  if (type == "CONSTR_NOTNULL") {
    out.kind = Kind::not_null;
  } else if (type == "CONSTR_DEFAULT") {
    out.kind = is_null_constant(expression) ? Kind::null : Kind::default_value;
    if (out.kind == Kind::default_value) column.default_kind = kind_of_default(expression);
  } else if (type == "CONSTR_GENERATED") {
    out.kind = Kind::generated;
  } else if (type == "CONSTR_IDENTITY") {
    out.kind = Kind::identity;
  } else if (type == "CONSTR_CHECK" || type == "CONSTR_FOREIGN" || type == "CONSTR_UNIQUE" ||
             type == "CONSTR_PRIMARY") {
    out.kind = Kind::constraint;
    out.constraint = read_constraint(constraint);
    if (out.constraint.columns.empty()) out.constraint.columns.push_back(column.name);
  }
  return out;
}

}  // namespace

bool flag_of(const Json& node, const char* key) {
  const auto& value = child(node, key);
  return value.is_boolean() && value.get<bool>();
}

bool ColumnDef::has(ColumnClause::Kind kind) const {
  return std::any_of(clauses.begin(), clauses.end(), [&](const ColumnClause& one) { return one.kind == kind; });
}

ObjectName relation_name(const Json& range_var) {
  return {text_of(range_var, "schemaname"), text_of(range_var, "relname")};
}

ObjectName listed_name(const Json& list) {
  const auto names = strings_of(list);
  if (names.empty()) return {};
  return {names.size() > 1 ? names[names.size() - 2] : std::string(), names.back()};
}

ConstraintDef read_constraint(const Json& constraint) {
  ConstraintDef out;
  const auto type = text_of(constraint, "contype");
  using Kind = ConstraintDef::Kind;
  out.kind = type == "CONSTR_FOREIGN"     ? Kind::foreign_key
             : type == "CONSTR_UNIQUE"    ? Kind::unique
             : type == "CONSTR_PRIMARY"   ? Kind::primary_key
             : type == "CONSTR_EXCLUSION" ? Kind::exclusion
                                          : Kind::check;
  out.name = text_of(constraint, "conname");
  out.columns = strings_of(child(constraint, out.kind == Kind::foreign_key ? "fk_attrs" : "keys"));
  out.not_valid = flag_of(constraint, "skip_validation");
  out.using_index = text_of(constraint, "indexname");
  out.references = relation_name(child(constraint, "pktable"));
  if (out.kind == Kind::check) out.not_null_of = not_null_column(child(constraint, "raw_expr"));
  return out;
}

ColumnDef read_column(const Json& column, std::string_view text, std::size_t end) {
  ColumnDef out;
  out.name = text_of(column, "colname");
  out.type = read_type(child(column, "typeName"));
  const auto begin = std::min(location_of(column, 0), end);
  out.at = begin;
  std::vector<std::size_t> starts;
  const auto& constraints = child(column, "constraints");
  if (constraints.is_array()) {
    for (const auto& node : constraints) {
      const auto& constraint = as(node, "Constraint");
      // DEFERRABLE and its like are clauses of their own in the tree; they belong to the one before.
      if (text_of(constraint, "contype").starts_with("CONSTR_ATTR")) continue;
      out.clauses.push_back(read_clause(constraint, out));
      starts.push_back(std::clamp(location_of(constraint, end), begin, end));
    }
  }
  out.base = trim(text.substr(begin, (starts.empty() ? end : starts.front()) - begin));
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const auto until = std::max(i + 1 < starts.size() ? starts[i + 1] : end, starts[i]);
    out.clauses[i].text = trim(text.substr(starts[i], until - starts[i]));
  }
  return out;
}

}  // namespace pgtend::sql
