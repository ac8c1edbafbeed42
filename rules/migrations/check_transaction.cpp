#include <algorithm>
#include <array>

#include "rules/migrations/check.hpp"

// What the statements of one transaction do to each other.
namespace pgtend::migrations {

namespace {

using Kind = sql::Action::Kind;

bool is_forbidden(const Step& step) {
  const auto& a = step.action;
  switch (a.kind) {
    case Kind::create_index:
    case Kind::drop_index:
    case Kind::detach_partition:
      return a.concurrently;
    case Kind::reindex:
      return a.concurrently || a.word == "SCHEMA" || a.word == "DATABASE" || a.word == "SYSTEM";
    case Kind::enum_add_value:
      return step.server < 12;
    case Kind::vacuum:
    case Kind::system_setting:
    case Kind::outside_transaction:
    case Kind::drop_database:
      return true;
    default:
      return false;
  }
}

// Outside a transaction, and without what another rule says of the same statement.
std::string outside(const Step& step) {
  const auto& a = step.action;
  if (a.kind == Kind::vacuum && a.flag)
    return one_by_one({"VACUUM (ANALYZE)" + (a.target.name.empty() ? "" : " " + quoted(a.target))});
  if (a.kind == Kind::reindex && !a.concurrently)
    return a.word == "SYSTEM" ? allowed("reindex-blocking", "in a maintenance window", step.text(), false)
                              : one_by_one({"REINDEX " + a.word + " CONCURRENTLY " + quoted(a.target)});
  if (a.kind == Kind::drop_database)
    return allowed("drop-database", "its backup was restored once", step.text(), false);
  return one_by_one({step.text()});
}

void forbidden(const Step& step) {
  if (!step.state.in_transaction() || !is_forbidden(step)) return;
  const auto words = step.text().substr(0, step.text().find_first_of("\n;"));
  step.add("forbidden-in-transaction", words.substr(0, 60), outside(step));
}

bool is_concurrent(const sql::Action& action) {
  return action.concurrently && action.kind != Kind::refresh;
}

void limited(const Step& step) {
  if (!step.state.limits_waits() || !is_concurrent(step.action)) return;
  const auto words = step.text().substr(0, step.text().find_first_of("\n;"));
  step.add("concurrently-with-lock-timeout", words.substr(0, 60), one_by_one({step.text()}));
}

// BEGIN around the whole script is what the tool does itself; a COMMIT in its middle ends the tool's transaction.
void nested(const Step& step) {
  if (step.action.kind != Kind::commit || !step.state.is_wrapped() || step.statement + 1 >= step.last) return;
  step.add("nested-transaction", step.text() + " before the end",
           "-- pgtend: tx=none\nBEGIN;\n-- what belongs together\nCOMMIT;\n");
}

void without_timeout(const Step& step) {
  if (step.state.has_lock_timeout()) return;
  for (const auto& [table, level] : locks_of(step.action)) {
    const bool explained = step.action.kind == Kind::vacuum || step.action.kind == Kind::cluster;
    if (level < LockLevel::share || step.state.is_new(table) || explained) continue;
    const auto once = std::any_of(step.notes.begin(), step.notes.end(),
                                  [](const Note& note) { return note.rule == "lock-timeout-missing"; });
    if (!once)
      step.add("lock-timeout-missing", std::string(to_string(level)) + " of " + shown(table),
               "SET lock_timeout = '2s';\n-- and the statements of this script\n");
    return;
  }
}

void several_tables(const Step& step) {
  if (!step.state.in_transaction()) return;
  const auto& held = step.state.held();
  for (const auto& [table, level] : locks_of(step.action)) {
    if (level != LockLevel::access_exclusive || step.state.is_new(table)) continue;
    const auto other = std::find_if(held.begin(), held.end(), [&, locked = table](const Held& one) {
      return one.level == LockLevel::access_exclusive && one.statement != step.statement &&
             shown(one.table) != shown(locked);
    });
    if (other == held.end()) continue;
    step.add("several-tables-locked", shown(table) + " while " + shown(other->table) + " is locked",
             "-- one migration for each table\n");
    return;
  }
}

void work_under_lock(const Step& step) {
  constexpr std::array kWork{Kind::update, Kind::delete_rows, Kind::insert_query, Kind::copy_in,
                             Kind::validate_constraint};
  const auto& a = step.action;
  if (!step.state.in_transaction() || std::find(kWork.begin(), kWork.end(), a.kind) == kWork.end()) return;
  if (a.kind == Kind::validate_constraint && step.state.added_in_transaction(a.target, a.word)) return;
  const auto& held = step.state.held();
  const auto other =
      std::find_if(held.begin(), held.end(), [&](const Held& one) { return one.statement != step.statement; });
  if (other == held.end()) return;
  step.add("work-under-lock", "work while " + shown(other->table) + " is locked",
           "-- in a migration of its own, after the one that takes the lock\n");
}

void enum_value(const Step& step) {
  if (!step.state.in_transaction()) return;
  for (const auto& value : step.state.enum_values()) {
    if (step.text().find("'" + value + "'") == std::string::npos || step.action.kind == Kind::enum_add_value) continue;
    step.add("enum-value-used-too-soon", "use of a value of an enum that this transaction adds",
             "-- in a migration of its own, after the one that adds the value\n");
    return;
  }
}

}  // namespace

void check_transaction(const Step& step) {
  forbidden(step);
  limited(step);
  nested(step);
  without_timeout(step);
  several_tables(step);
  work_under_lock(step);
  enum_value(step);
}

}  // namespace pgtend::migrations
