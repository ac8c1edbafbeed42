#include "rules/migrations/state.hpp"

#include <algorithm>
#include <array>

namespace pgtend::migrations {

using Kind = sql::Action::Kind;

namespace {

LockLevel of_lock_statement(int level) {
  constexpr std::array kLevels{LockLevel::none,
                               LockLevel::none,
                               LockLevel::none,
                               LockLevel::none,
                               LockLevel::share_update_exclusive,
                               LockLevel::share,
                               LockLevel::share_row_exclusive,
                               LockLevel::exclusive,
                               LockLevel::access_exclusive};
  return level >= 0 && level < static_cast<int>(kLevels.size()) ? kLevels[static_cast<std::size_t>(level)]
                                                                : LockLevel::access_exclusive;
}

LockLevel level_of(const sql::Action& action) {
  switch (action.kind) {
    case Kind::create_index:
      return action.concurrently ? LockLevel::share_update_exclusive : LockLevel::share;
    case Kind::reindex:
      return action.concurrently ? LockLevel::share_update_exclusive : LockLevel::share;
    case Kind::drop_index:
    case Kind::detach_partition:
      return action.concurrently ? LockLevel::share_update_exclusive : LockLevel::access_exclusive;
    case Kind::refresh:
      return action.concurrently ? LockLevel::exclusive : LockLevel::access_exclusive;
    case Kind::vacuum:
      return action.flag ? LockLevel::access_exclusive : LockLevel::share_update_exclusive;
    case Kind::validate_constraint:
    case Kind::attach_partition:
    case Kind::alter_weak:
      return LockLevel::share_update_exclusive;
    case Kind::add_constraint:
      return action.constraints.front().kind == sql::ConstraintDef::Kind::foreign_key ? LockLevel::share_row_exclusive
                                                                                      : LockLevel::access_exclusive;
    case Kind::create_trigger:
    case Kind::disable_trigger:
      return LockLevel::share_row_exclusive;
    case Kind::lock_table:
      return of_lock_statement(action.level);
    case Kind::add_column:
    case Kind::drop_column:
    case Kind::column_type:
    case Kind::set_not_null:
    case Kind::rename_table:
    case Kind::rename_column:
    case Kind::set_schema:
    case Kind::set_tablespace:
    case Kind::set_logged:
    case Kind::set_access_method:
    case Kind::enable_row_security:
    case Kind::create_policy:
    case Kind::alter_strong:
    case Kind::drop_table:
    case Kind::truncate:
    case Kind::cluster:
      return LockLevel::access_exclusive;
    default:
      return LockLevel::none;
  }
}

}  // namespace

std::vector<std::pair<sql::ObjectName, LockLevel>> locks_of(const sql::Action& action) {
  std::vector<std::pair<sql::ObjectName, LockLevel>> out;
  const auto level = level_of(action);
  if (level != LockLevel::none && !action.target.name.empty()) out.emplace_back(action.target, level);
  if (action.kind == Kind::attach_partition || (action.kind == Kind::create_table && action.flag))
    out.emplace_back(action.related, LockLevel::access_exclusive);
  const auto references = [&](const sql::ConstraintDef& constraint) {
    if (constraint.kind == sql::ConstraintDef::Kind::foreign_key && constraint.references.name != action.target.name)
      out.emplace_back(constraint.references, LockLevel::share_row_exclusive);
  };
  for (const auto& constraint : action.constraints) references(constraint);
  for (const auto& column : action.columns)
    for (const auto& clause : column.clauses)
      if (clause.kind == sql::ColumnClause::Kind::constraint) references(clause.constraint);
  return out;
}

State::Key State::key(const sql::ObjectName& name) {
  // Without a schema the first of search_path is meant, which is public unless somebody changed it.
  return {name.schema.empty() ? "public" : name.schema, name.name};
}

bool State::is_new_column(const sql::ObjectName& table, const std::string& column) const {
  return columns_.contains({key(table), column});
}

bool State::proves_not_null(const sql::ObjectName& table, const std::string& column) const {
  const auto known = constraints_.find(key(table));
  return known != constraints_.end() && std::any_of(known->second.begin(), known->second.end(), [&](const auto& one) {
           return one.second.valid && one.second.not_null_of == column;
         });
}

bool State::has_valid_check(const sql::ObjectName& table) const {
  const auto known = constraints_.find(key(table));
  return known != constraints_.end() && std::any_of(known->second.begin(), known->second.end(), [](const auto& one) {
           return one.second.valid && one.second.check;
         });
}

bool State::added_in_transaction(const sql::ObjectName& table, const std::string& constraint) const {
  const auto known = constraints_.find(key(table));
  if (known == constraints_.end() || !in_transaction()) return false;
  const auto one = known->second.find(constraint);
  return one != known->second.end() && !one->second.valid && one->second.transaction == transaction_;
}

void State::end_transaction() {
  ++transaction_;
  held_.clear();
  enum_values_.clear();
}

void State::end_statement() {
  if (!in_transaction()) end_transaction();
}

void State::add(const sql::Action& action) {
  if (action.kind == Kind::create_table || action.kind == Kind::create_table_as) made(action.target);
  if (action.kind == Kind::create_index && is_new(action.target)) made(action.related);
  if (action.kind == Kind::rename_table && is_new(action.target)) made({action.target.schema, action.word});
  if (action.kind == Kind::create_policy) policies_.insert(key(action.target));
  if (action.kind == Kind::add_column) columns_.insert({key(action.target), action.columns.front().name});
  if (action.kind == Kind::add_constraint) {
    const auto& constraint = action.constraints.front();
    constraints_[key(action.target)][constraint.name] = {!constraint.not_valid,
                                                         constraint.kind == sql::ConstraintDef::Kind::check,
                                                         constraint.not_null_of, transaction_};
  }
  if (action.kind == Kind::validate_constraint) constraints_[key(action.target)][action.word].valid = true;
  if (action.kind == Kind::enum_add_value) enum_values_.push_back(action.word);
}

void State::apply(const sql::Action& action, std::size_t statement) {
  if (action.kind == Kind::begin) opened_ = true;
  if (action.kind == Kind::commit) {
    opened_ = wrapped_ = false;
    end_transaction();
  }
  if (action.kind == Kind::set_lock_timeout) lock_timeout_ = limits_waits_ = action.flag;
  for (auto& [table, level] : locks_of(action))
    if (level >= LockLevel::share_row_exclusive && !is_new(table)) held_.push_back({table, level, statement});
  add(action);
}

}  // namespace pgtend::migrations
