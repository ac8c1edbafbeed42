#include "agent/base/strings.hpp"
#include "rules/migrations/check.hpp"

namespace pgtend::migrations {

namespace {

using Kind = sql::Action::Kind;

void rewrite(const Step& step, std::string_view rule, const std::string& what) {
  step.add(rule, what + " of " + shown(step.action.target),
           allowed(rule, "in a maintenance window", alter(step.action.target) + step.action.text));
}

void vacuum(const Step& step) {
  if (!step.action.flag) return;
  const auto& table = step.action.target;
  step.add("vacuum-full", "VACUUM FULL " + shown(table),
           one_by_one({"VACUUM (ANALYZE)" + (table.name.empty() ? "" : " " + quoted(table)),
                       "-- to give space back to the disk without the lock: pg_repack"}));
}

void cluster(const Step& step) {
  if (step.state.is_new(step.action.target)) return;
  const auto& table = step.action.target;
  step.add("cluster", "CLUSTER " + shown(table),
           one_by_one({"VACUUM (ANALYZE)" + (table.name.empty() ? "" : " " + quoted(table)),
                       "-- to order it without the lock: pg_repack --order-by"}));
}

void write_all(const Step& step) {
  const auto& a = step.action;
  if (a.flag || step.state.is_new(a.target)) return;
  step.add("backfill-in-one-statement",
           std::string(a.kind == Kind::update ? "UPDATE " : "DELETE FROM ") + shown(a.target) + " without WHERE",
           one_by_one({"-- repeat for each range of the table, each in its own transaction:",
                       step.text() + " WHERE id BETWEEN 1 AND 10000"}));
}

void truncate(const Step& step) {
  if (step.state.is_new(step.action.target)) return;
  step.add("truncate-table", "TRUNCATE " + shown(step.action.target),
           allowed("truncate-table", "nobody needs these rows", "TRUNCATE " + quoted(step.action.target)));
}

void lock_table(const Step& step) {
  if (step.action.level < 5 || step.state.is_new(step.action.target)) return;
  step.add("lock-table", "LOCK TABLE " + shown(step.action.target),
           allowed("lock-table", "what follows takes a moment", step.text()));
}

bool policy_follows(const Step& step) {
  for (std::size_t i = step.statement; i < step.last; ++i)
    for (const auto& later : step.script.statements[i].actions)
      if (later.kind == Kind::create_policy && shown(later.target) == shown(step.action.target)) return true;
  return step.state.has_policy(step.action.target);
}

void row_security(const Step& step) {
  if (step.state.is_new(step.action.target) || policy_follows(step)) return;
  const auto& table = step.action.target;
  step.add(
      "row-security-without-policy", "ENABLE ROW LEVEL SECURITY of " + shown(table),
      together({"CREATE POLICY " + quote_identifier(table.name + "_all") + " ON " + quoted(table) + " USING (true)",
                alter(table) + "ENABLE ROW LEVEL SECURITY"}));
}

}  // namespace

void check_tables(const Step& step) {
  const auto& a = step.action;
  switch (a.kind) {
    case Kind::vacuum:
      return vacuum(step);
    case Kind::cluster:
      return cluster(step);
    case Kind::update:
    case Kind::delete_rows:
      return write_all(step);
    case Kind::truncate:
      return truncate(step);
    case Kind::lock_table:
      return lock_table(step);
    case Kind::enable_row_security:
      return row_security(step);
    default:
      break;
  }
  if (step.state.is_new(a.target)) return;
  if (a.kind == Kind::set_tablespace) rewrite(step, "set-tablespace", "SET TABLESPACE");
  if (a.kind == Kind::set_logged) rewrite(step, "set-logged", "SET " + a.word);
  if (a.kind == Kind::set_access_method) rewrite(step, "set-access-method", "SET ACCESS METHOD");
  if (a.kind == Kind::disable_trigger)
    step.add("disable-trigger", "DISABLE TRIGGER " + a.word + " of " + shown(a.target),
             allowed("disable-trigger", "the writers are stopped", alter(a.target) + a.text));
}

}  // namespace pgtend::migrations
