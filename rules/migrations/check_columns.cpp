#include "agent/base/strings.hpp"
#include "rules/migrations/check.hpp"

namespace pgtend::migrations {

namespace {

using Kind = sql::Action::Kind;
using Clause = sql::ColumnClause::Kind;

// One step of many: the author repeats it over the whole table.
std::string in_batches(const sql::ObjectName& table, const std::string& assignment) {
  return "UPDATE " + quoted(table) + " SET " + assignment + " WHERE id BETWEEN 1 AND 10000";
}

constexpr const char* kRepeat = "-- repeat for each range of the table, each in its own transaction:";

std::string default_text(const sql::ColumnDef& column) {
  for (const auto& clause : column.clauses)
    if (clause.kind == Clause::default_value) return clause.text.substr(std::string_view("default").size());
  return "";
}

bool is_serial(const sql::ColumnDef& column) {
  return column.type.name.find("serial") != std::string::npos;
}

void add_serial(const Step& step, const sql::ColumnDef& column) {
  const auto& table = step.action.target;
  const auto name = quote_identifier(column.name);
  const sql::ObjectName sequence{table.schema, table.name + "_" + column.name + "_seq"};
  step.add("add-column-serial", "ADD COLUMN " + column.name + " to " + shown(table),
           one_by_one(
               {alter(table) + "ADD COLUMN " + name + " bigint",
                "CREATE SEQUENCE " + quoted(sequence) + " OWNED BY " + quoted(table) + "." + name,
                alter(table) + "ALTER COLUMN " + name + " SET DEFAULT nextval(" + quote_literal(quoted(sequence)) + ")",
                kRepeat, in_batches(table, name + " = DEFAULT")}));
}

void add_generated(const Step& step, const sql::ColumnDef& column) {
  const auto& table = step.action.target;
  step.add("add-column-generated", "ADD COLUMN " + column.name + " GENERATED to " + shown(table),
           together({alter(table) + "ADD COLUMN " + column.base,
                     "-- let a trigger fill it on INSERT and UPDATE, then fill the old rows in batches"}));
}

void add_default(const Step& step, const sql::ColumnDef& column) {
  const bool rewrites = step.server < 11 || column.default_kind == sql::DefaultKind::each_row ||
                        column.default_kind == sql::DefaultKind::unknown_function;
  if (!rewrites) return;
  const auto& table = step.action.target;
  const auto name = quote_identifier(column.name);
  std::string subject = "ADD COLUMN " + column.name + " to " + shown(table);
  if (step.server >= 11 && column.default_kind == sql::DefaultKind::unknown_function)
    subject += " with a function that may be volatile";
  step.add("add-column-default-rewrite", subject,
           one_by_one({alter(table) + "ADD COLUMN " + column.base,
                       alter(table) + "ALTER COLUMN " + name + " SET DEFAULT" + default_text(column), kRepeat,
                       in_batches(table, name + " = DEFAULT")}));
}

void add_not_null(const Step& step, const sql::ColumnDef& column) {
  const auto& table = step.action.target;
  step.add("add-column-not-null", "ADD COLUMN " + column.name + " NOT NULL to " + shown(table),
           together({alter(table) + "ADD COLUMN " + column.base,
                     "-- fill it in batches, then make it NOT NULL as set-not-null-scan shows"}));
}

void add_column(const Step& step) {
  const auto& column = step.action.columns.front();
  if (step.state.is_new(step.action.target)) return;
  if (is_serial(column) || column.has(Clause::identity)) return add_serial(step, column);
  if (column.has(Clause::generated)) return add_generated(step, column);
  if (column.has(Clause::default_value)) return add_default(step, column);
  if (column.has(Clause::not_null)) add_not_null(step, column);
}

void column_type(const Step& step) {
  const auto& a = step.action;
  if (step.state.is_new(a.target) || step.state.is_new_column(a.target, a.word)) return;
  const auto& type = a.columns.front().type;
  const bool widens = (type.name == "text" || type.name == "varchar") && !type.modifier && !type.array && !a.flag;
  const auto old_name = quote_identifier(a.word), new_name = quote_identifier(a.word + "_new");
  std::string subject = "ALTER COLUMN " + a.word + " TYPE of " + shown(a.target);
  if (widens) subject += " (none of this when it was varchar before)";
  const auto at = to_lower(a.text).rfind("type ");
  auto wanted = at == std::string::npos ? type.name : a.text.substr(at + 5);
  if (const auto use = to_lower(wanted).find(" using "); use != std::string::npos) wanted.erase(use);
  step.add("column-type-rewrite", subject,
           one_by_one({alter(a.target) + "ADD COLUMN " + new_name + " " + wanted,
                       "-- let a trigger keep both the same, then fill the old rows in batches:", kRepeat,
                       in_batches(a.target, new_name + " = " + old_name),
                       "-- read the new one, and drop the old one in a later release"}));
}

void set_not_null(const Step& step) {
  const auto& a = step.action;
  if (step.state.is_new(a.target)) return;
  if (step.server >= 12 && step.state.proves_not_null(a.target, a.word)) return;
  const auto name = quote_identifier(a.target.name + "_" + a.word + "_not_null");
  const auto column = quote_identifier(a.word);
  const auto subject = "ALTER COLUMN " + a.word + " SET NOT NULL of " + shown(a.target);
  const auto validate = alter(a.target) + "VALIDATE CONSTRAINT " + name;
  const auto check = alter(a.target) + "ADD CONSTRAINT " + name + " CHECK (" + column + " IS NOT NULL) NOT VALID";
  if (step.server >= 18) {
    step.add("set-not-null-scan", subject,
             one_by_one({alter(a.target) + "ADD CONSTRAINT " + name + " NOT NULL " + column + " NOT VALID", validate}));
  } else if (step.server >= 12) {
    step.add("set-not-null-scan", subject,
             one_by_one({check, validate, alter(a.target) + "ALTER COLUMN " + column + " SET NOT NULL",
                         alter(a.target) + "DROP CONSTRAINT " + name}));
  } else {
    step.add("set-not-null-scan", subject, one_by_one({check, validate}));
  }
}

}  // namespace

void check_columns(const Step& step) {
  switch (step.action.kind) {
    case Kind::add_column:
      return add_column(step);
    case Kind::column_type:
      return column_type(step);
    case Kind::set_not_null:
      return set_not_null(step);
    default:
      return;
  }
}

}  // namespace pgtend::migrations
