#include "agent/base/strings.hpp"
#include "rules/migrations/check.hpp"

namespace pgtend::migrations {

namespace {

using Kind = sql::Action::Kind;
using Of = sql::ConstraintDef::Kind;

// As the server would name it, when the text does not.
std::string name_of(const sql::ObjectName& table, const sql::ConstraintDef& constraint) {
  if (!constraint.name.empty()) return constraint.name;
  std::string out = table.name;
  if (constraint.kind != Of::primary_key)
    for (const auto& column : constraint.columns) out += "_" + column;
  switch (constraint.kind) {
    case Of::foreign_key:
      return out + "_fkey";
    case Of::primary_key:
      return out + "_pkey";
    case Of::unique:
      return out + "_key";
    case Of::exclusion:
      return out + "_excl";
    case Of::check:
      break;
  }
  return out + "_check";
}

std::string columns_text(const std::vector<std::string>& columns) {
  std::string out;
  for (const auto& column : columns) out += (out.empty() ? "" : ", ") + quote_identifier(column);
  return "(" + out + ")";
}

// What is found, in the two forms in which SQL writes a constraint.
struct Found {
  const sql::ConstraintDef& constraint;
  std::string first;       // the ADD COLUMN without it; empty: the table has the column already
  std::string definition;  // "CHECK (…)", "FOREIGN KEY (…) REFERENCES …"
};

// "ADD CONSTRAINT name CHECK (…)" without the words before CHECK.
std::string definition_of(const std::string& text, std::string_view word) {
  const auto at = to_lower(text).find(word);
  return at == std::string::npos ? text : text.substr(at);
}

void not_validated(const Step& step, const Found& found) {
  const auto& table = step.action.target;
  const bool foreign = found.constraint.kind == Of::foreign_key;
  const auto name = quote_identifier(name_of(table, found.constraint));
  const auto subject = std::string(foreign ? "FOREIGN KEY" : "CHECK") + " on " + shown(table) +
                       (foreign ? " to " + shown(found.constraint.references) : "");
  step.add(foreign ? "add-foreign-key-scan" : "add-check-scan", subject,
           one_by_one({found.first, alter(table) + "ADD CONSTRAINT " + name + " " + found.definition + " NOT VALID",
                       alter(table) + "VALIDATE CONSTRAINT " + name}));
}

void unique(const Step& step, const Found& found) {
  const auto& table = step.action.target;
  const auto name = quote_identifier(name_of(table, found.constraint));
  step.add("add-unique-constraint", "UNIQUE on " + shown(table),
           one_by_one({found.first,
                       "CREATE UNIQUE INDEX CONCURRENTLY " + name + " ON " + quoted(table) + " " +
                           columns_text(found.constraint.columns),
                       alter(table) + "ADD CONSTRAINT " + name + " UNIQUE USING INDEX " + name}));
}

void primary_key(const Step& step, const Found& found) {
  const auto& table = step.action.target;
  const auto name = quote_identifier(name_of(table, found.constraint));
  std::string checks, validations, settings, drops;
  for (const auto& column : found.constraint.columns)
    checks += (checks.empty() ? "" : ", ") +
              ("ADD CONSTRAINT " + quote_identifier(table.name + "_" + column + "_not_null")) + " CHECK (" +
              quote_identifier(column) + " IS NOT NULL) NOT VALID";
  for (const auto& column : found.constraint.columns) {
    const auto check = quote_identifier(table.name + "_" + column + "_not_null");
    validations += (validations.empty() ? "" : ", ") + ("VALIDATE CONSTRAINT " + check);
    settings += (settings.empty() ? "" : ", ") + ("ALTER COLUMN " + quote_identifier(column) + " SET NOT NULL");
    drops += (drops.empty() ? "" : ", ") + ("DROP CONSTRAINT " + check);
  }
  step.add(
      "add-primary-key", "PRIMARY KEY on " + shown(table),
      one_by_one({found.first, alter(table) + checks, alter(table) + validations, alter(table) + settings,
                  "CREATE UNIQUE INDEX CONCURRENTLY " + name + " ON " + quoted(table) + " " +
                      columns_text(found.constraint.columns),
                  alter(table) + "ADD CONSTRAINT " + name + " PRIMARY KEY USING INDEX " + name, alter(table) + drops}));
}

void check_one(const Step& step, const Found& found) {
  switch (found.constraint.kind) {
    case Of::foreign_key:
    case Of::check:
      if (!found.constraint.not_valid) not_validated(step, found);
      return;
    case Of::unique:
      if (found.constraint.using_index.empty()) unique(step, found);
      return;
    case Of::primary_key:
      if (found.constraint.using_index.empty()) primary_key(step, found);
      return;
    case Of::exclusion:
      step.add(
          "add-exclusion-constraint", "EXCLUDE on " + shown(step.action.target),
          allowed("add-exclusion-constraint", "in a maintenance window", alter(step.action.target) + step.action.text));
      return;
  }
}

void add_constraint(const Step& step) {
  const auto& constraint = step.action.constraints.front();
  const bool foreign = constraint.kind == Of::foreign_key;
  check_one(step, {constraint, "", definition_of(step.action.text, foreign ? "foreign key" : "check")});
}

// The constraints behind the type of an added column. One foreign key of a column without a default is not checked: all
// of its values are NULL.
void add_column(const Step& step) {
  using Clause = sql::ColumnClause::Kind;
  const auto& column = step.action.columns.front();
  for (std::size_t i = 0; i < column.clauses.size(); ++i) {
    const auto& clause = column.clauses[i];
    if (clause.kind != Clause::constraint) continue;
    if (clause.constraint.kind == Of::foreign_key && !column.has(Clause::default_value)) continue;
    auto first = alter(step.action.target) + "ADD COLUMN " + column.base;
    for (const auto& other : column.clauses)
      if (other.kind != Clause::constraint) first += " " + other.text;
    const bool foreign = clause.constraint.kind == Of::foreign_key;
    auto definition = definition_of(clause.text, foreign ? "references" : "check");
    if (foreign) definition = "FOREIGN KEY " + columns_text({column.name}) + " " + definition;
    check_one(step, {clause.constraint, first, definition});
  }
}

void validate(const Step& step) {
  const auto& a = step.action;
  if (!step.state.added_in_transaction(a.target, a.word) || step.state.is_new(a.target)) return;
  step.add("validate-in-same-transaction", "VALIDATE CONSTRAINT " + a.word + " of " + shown(a.target),
           "-- in a migration of its own, after the one that adds it NOT VALID\n" +
               together({alter(a.target) + "VALIDATE CONSTRAINT " + quote_identifier(a.word)}));
}

}  // namespace

void check_constraints(const Step& step) {
  if (step.action.kind == Kind::validate_constraint) return validate(step);
  if (step.state.is_new(step.action.target)) return;
  if (step.action.kind == Kind::add_constraint) add_constraint(step);
  if (step.action.kind == Kind::add_column) add_column(step);
}

}  // namespace pgtend::migrations
