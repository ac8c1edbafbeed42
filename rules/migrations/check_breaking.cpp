#include "agent/base/strings.hpp"
#include "rules/migrations/check.hpp"

// What running programs notice: names and data that are gone.
namespace pgtend::migrations {

namespace {

using Kind = sql::Action::Kind;

void drop_column(const Step& step) {
  const auto& a = step.action;
  if (step.state.is_new(a.target) || step.state.is_new_column(a.target, a.word)) return;
  step.add("drop-column", "DROP COLUMN " + a.word + " of " + shown(a.target),
           allowed("drop-column", "no program has named it since the last release",
                   alter(a.target) + "DROP COLUMN " + quote_identifier(a.word)));
}

void drop_table(const Step& step) {
  const auto& a = step.action;
  if (step.state.is_new(a.target)) return;
  const auto type = std::string(a.word == "OBJECT_MATVIEW" ? "MATERIALIZED VIEW " : "TABLE ");
  step.add("drop-table", "DROP " + type + shown(a.target),
           allowed("drop-table", "no program has named it since the last release",
                   "DROP " + type + (a.if_exists ? "IF EXISTS " : "") + quoted(a.target)));
}

// The same statement without CASCADE, allowed where it needs that.
void cascade(const Step& step) {
  const auto& a = step.action;
  if (!a.cascade || step.state.is_new(a.target)) return;
  auto text = a.text.empty() ? step.text() : alter(a.target) + a.text;
  if (const auto at = to_lower(text).rfind("cascade"); at != std::string::npos) text.erase(at);
  text = trim(text);
  const auto rule = a.kind == Kind::drop_column  ? "drop-column"
                    : a.kind == Kind::drop_table ? "drop-table"
                    : a.kind == Kind::truncate   ? "truncate-table"
                                                 : "";
  step.add("drop-cascade", "CASCADE",
           *rule != '\0'                ? allowed(rule, "what hangs on it was dropped by name before", text)
           : a.kind == Kind::drop_index ? one_by_one({"DROP INDEX CONCURRENTLY " + quoted(a.target)})
                                        : together({text}));
}

// A view of the old name that the same transaction makes keeps the programs of today running.
bool keeps_name(const Step& step) {
  if (!step.state.in_transaction()) return false;
  for (std::size_t i = step.statement + 1; i < step.last; ++i)
    for (const auto& later : step.script.statements[i].actions)
      if (later.kind == Kind::create_view && shown(later.target) == shown(step.action.target)) return true;
  return false;
}

void rename_table(const Step& step) {
  const auto& a = step.action;
  if (step.state.is_new(a.target) || keeps_name(step)) return;
  const sql::ObjectName renamed{a.target.schema, a.word};
  step.add("rename-table", "RENAME " + shown(a.target) + " TO " + a.word,
           together({alter(a.target) + "RENAME TO " + quote_identifier(a.word),
                     "CREATE VIEW " + quoted(a.target) + " AS SELECT * FROM " + quoted(renamed)}));
}

void set_schema(const Step& step) {
  const auto& a = step.action;
  if (step.state.is_new(a.target) || keeps_name(step)) return;
  const sql::ObjectName moved{a.word, a.target.name};
  step.add("set-schema", "SET SCHEMA of " + shown(a.target),
           together({alter(a.target) + "SET SCHEMA " + quote_identifier(a.word),
                     "CREATE VIEW " + quoted(a.target) + " AS SELECT * FROM " + quoted(moved)}));
}

void rename_column(const Step& step) {
  const auto& a = step.action;
  if (step.state.is_new(a.target) || step.state.is_new_column(a.target, a.word)) return;
  const auto to = quote_identifier(a.related.name), from = quote_identifier(a.word);
  step.add("rename-column", "RENAME COLUMN " + a.word + " of " + shown(a.target),
           one_by_one({"-- with the type of the old one:", alter(a.target) + "ADD COLUMN " + to + " text",
                       "-- let a trigger keep both the same, then fill the old rows in batches:",
                       "UPDATE " + quoted(a.target) + " SET " + to + " = " + from + " WHERE id BETWEEN 1 AND 10000",
                       "-- read the new one, and drop the old one in a later release"}));
}

void rename_schema(const Step& step) {
  step.add("rename-schema", "RENAME SCHEMA " + step.action.target.name,
           allowed("rename-schema", "no program names it", step.text()));
}

}  // namespace

void check_breaking(const Step& step) {
  cascade(step);
  switch (step.action.kind) {
    case Kind::drop_column:
      return drop_column(step);
    case Kind::drop_table:
      return drop_table(step);
    case Kind::rename_table:
      return rename_table(step);
    case Kind::rename_column:
      return rename_column(step);
    case Kind::rename_schema:
      return rename_schema(step);
    case Kind::set_schema:
      return set_schema(step);
    case Kind::drop_database:
      return step.add("drop-database", "DROP DATABASE " + step.action.target.name,
                      allowed("drop-database", "its backup was restored once", step.text(), false));
    default:
      return;
  }
}

}  // namespace pgtend::migrations
