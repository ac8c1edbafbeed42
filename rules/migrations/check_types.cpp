#include <algorithm>

#include "agent/base/strings.hpp"
#include "rules/migrations/check.hpp"

// Types that are cheap to choose well now and dear to change later.
namespace pgtend::migrations {

namespace {

using Kind = sql::Action::Kind;

bool is_key(const sql::ColumnDef& column, const sql::Action& action) {
  const auto primary = [&](const sql::ConstraintDef& constraint) {
    return constraint.kind == sql::ConstraintDef::Kind::primary_key && constraint.columns.size() == 1 &&
           constraint.columns.front() == column.name;
  };
  return std::any_of(action.constraints.begin(), action.constraints.end(), primary) ||
         std::any_of(column.clauses.begin(), column.clauses.end(), [&](const sql::ColumnClause& clause) {
           return clause.kind == sql::ColumnClause::Kind::constraint && primary(clause.constraint);
         });
}

void look(const Step& step, const sql::ColumnDef& column) {
  const auto& type = column.type.name;
  const auto subject = "column " + column.name + " of " + shown(step.action.target);
  const auto with_type = [&](const std::string& better, const std::string& more = {}) {
    const auto name = quote_identifier(column.name);
    return step.action.kind == Kind::create_table
               ? "CREATE TABLE " + quoted(step.action.target) + " (" + name + " " + better + more + ");\n"
               : together({alter(step.action.target) + "ADD COLUMN " + name + " " + better});
  };
  if (step.action.kind == Kind::create_table && is_key(column, step.action) &&
      (type == "int4" || type == "serial" || type == "serial4" || type == "int2" || type == "smallserial"))
    step.add_at(column.at, "int4-primary-key", subject,
                with_type("bigint", " GENERATED ALWAYS AS IDENTITY PRIMARY KEY"));
  if (type == "json") step.add_at(column.at, "json-column", subject, with_type("jsonb"));
  if (type == "bpchar") step.add_at(column.at, "char-column", subject, with_type("text"));
  if (type == "timestamp") step.add_at(column.at, "timestamp-without-time-zone", subject, with_type("timestamptz"));
}

}  // namespace

void check_types(const Step& step) {
  if (step.action.kind != Kind::create_table && step.action.kind != Kind::add_column) return;
  for (const auto& column : step.action.columns) look(step, column);
}

}  // namespace pgtend::migrations
