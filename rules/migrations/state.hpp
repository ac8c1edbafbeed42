#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/model/advice.hpp"
#include "rules/sql/ddl.hpp"

// Inside rules/migrations only: what a script has done before the statement that is looked at.
namespace pgtend::migrations {

struct Held {
  sql::ObjectName table;
  LockLevel level = LockLevel::none;
  std::size_t statement = 0;
};

// The relations that an action locks, each with the level. Source: the table of lock modes in PostgreSQL's manual
// (explicit locking) and AlterTableGetLockLevel() in src/backend/commands/tablecmds.c.
[[nodiscard]] std::vector<std::pair<sql::ObjectName, LockLevel>> locks_of(const sql::Action& action);

class State {
 public:
  State(bool in_transaction, bool lock_timeout) : wrapped_(in_transaction), lock_timeout_(lock_timeout) {}

  // Takes an action in, after the rules have seen it.
  void apply(const sql::Action& action, std::size_t statement);
  void end_statement();

  [[nodiscard]] bool in_transaction() const { return wrapped_ || opened_; }
  [[nodiscard]] bool is_wrapped() const { return wrapped_; }
  [[nodiscard]] bool has_lock_timeout() const { return lock_timeout_; }
  // By a statement of the script, for all that follows.
  [[nodiscard]] bool limits_waits() const { return limits_waits_; }
  // Whether the script made the table (view, index), so that nobody uses it yet.
  [[nodiscard]] bool is_new(const sql::ObjectName& name) const { return made_.contains(key(name)); }
  [[nodiscard]] bool is_new_column(const sql::ObjectName& table, const std::string& column) const;
  // A valid CHECK (column IS NOT NULL) of this script.
  [[nodiscard]] bool proves_not_null(const sql::ObjectName& table, const std::string& column) const;
  // Any valid CHECK of this script: what an attached partition may be proved by.
  [[nodiscard]] bool has_valid_check(const sql::ObjectName& table) const;
  [[nodiscard]] bool has_policy(const sql::ObjectName& table) const { return policies_.contains(key(table)); }
  // Added as NOT VALID in the transaction that is still open.
  [[nodiscard]] bool added_in_transaction(const sql::ObjectName& table, const std::string& constraint) const;
  [[nodiscard]] const std::vector<Held>& held() const { return held_; }
  [[nodiscard]] const std::vector<std::string>& enum_values() const { return enum_values_; }

 private:
  struct Constraint {
    bool valid = false, check = false;
    std::string not_null_of;
    int transaction = 0;
  };
  using Key = std::pair<std::string, std::string>;
  [[nodiscard]] static Key key(const sql::ObjectName& name);
  void made(const sql::ObjectName& name) { made_.insert(key(name)); }
  void add(const sql::Action& action);
  void end_transaction();

  bool wrapped_, lock_timeout_, opened_ = false, limits_waits_ = false;
  int transaction_ = 0;
  std::set<Key> made_, policies_;
  std::set<std::pair<Key, std::string>> columns_;
  std::map<Key, std::map<std::string, Constraint>> constraints_;
  std::vector<Held> held_;
  std::vector<std::string> enum_values_;  // added in the transaction that is still open
};

}  // namespace pgtend::migrations
