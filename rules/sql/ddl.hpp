#pragma once

#include <compare>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.hpp"

// What the statements of a script do to the objects of a database, read from the server's own grammar.
namespace pgtend::sql {

struct ObjectName {
  std::string schema;  // as written: empty when the text does not say
  std::string name;
  friend auto operator<=>(const ObjectName&, const ObjectName&) = default;
};

struct TypeUse {
  std::string name;  // the catalog's name: "int4", "bpchar", "timestamp"; "serial" and "bigserial" as written
  bool modifier = false, array = false;
};

struct ConstraintDef {
  enum class Kind { check, foreign_key, unique, primary_key, exclusion };
  Kind kind = Kind::check;
  std::string name;  // empty: the server chooses
  std::vector<std::string> columns;
  bool not_valid = false;
  std::string using_index;
  ObjectName references;
  std::string not_null_of;  // the column of CHECK (column IS NOT NULL)
};

// What the server can evaluate once for all rows, and what it must evaluate for each.
enum class DefaultKind { none, once, each_row, unknown_function };

// One clause behind a column's type, as written: "NOT NULL", "DEFAULT 1", "REFERENCES o (id)".
struct ColumnClause {
  enum class Kind { not_null, null, default_value, generated, identity, constraint };
  Kind kind = Kind::null;
  std::string text;
  ConstraintDef constraint;
};

struct ColumnDef {
  std::size_t at = 0;  // byte in the statement's text
  std::string name;
  TypeUse type;
  std::string base;  // name and type as written
  std::vector<ColumnClause> clauses;
  DefaultKind default_kind = DefaultKind::none;

  [[nodiscard]] bool has(ColumnClause::Kind kind) const;
};

// One thing that a statement does; ALTER TABLE with three commands has three.
struct Action {
  enum class Kind {
    other,
    begin,
    commit,
    set_lock_timeout,     // flag: to a value other than 0
    outside_transaction,  // VACUUM, CREATE DATABASE, ALTER SYSTEM: whatever the server refuses inside one
    create_table,         // columns, constraints; related: the parent when flag (PARTITION OF)
    create_table_as,
    create_index,  // related: the index; concurrently, if_exists: IF NOT EXISTS
    drop_index,    // target: the index
    reindex,       // word: "TABLE", "INDEX", "SCHEMA", "DATABASE", "SYSTEM"
    add_column,
    drop_column,
    column_type,  // columns[0].type; flag: with USING
    set_not_null,
    add_constraint,
    validate_constraint,  // word
    rename_table,         // word: the new name
    rename_column,        // word: the old name, related.name: the new one
    rename_schema,
    set_schema,  // word
    set_tablespace,
    set_logged,  // word: "LOGGED" or "UNLOGGED"
    set_access_method,
    attach_partition,  // related
    detach_partition,  // related
    enable_row_security,
    create_policy,
    disable_trigger,  // word: "ALL", "USER" or a name
    alter_strong,     // another ALTER TABLE under ACCESS EXCLUSIVE
    alter_weak,       // one under SHARE UPDATE EXCLUSIVE or none
    create_trigger,
    create_view,
    drop_table,
    drop_schema,
    drop_database,
    drop_other,
    truncate,
    lock_table,  // level
    vacuum,      // flag: FULL
    cluster,
    refresh,
    update,  // flag: with WHERE
    delete_rows,
    insert_query,  // INSERT ... SELECT
    copy_in,
    enum_add_value,  // word: the value
    system_setting,
  };
  Kind kind = Kind::other;
  std::size_t at = 0;  // byte in the statement's text
  std::string text;    // of one command of ALTER TABLE, as written
  ObjectName target, related;
  std::string word;
  std::vector<ColumnDef> columns;
  std::vector<ConstraintDef> constraints;
  bool concurrently = false, if_exists = false, cascade = false, flag = false;
  int level = 0;  // of LOCK: 1 ACCESS SHARE to 8 ACCESS EXCLUSIVE, as the server numbers them
};

struct DdlStatement {
  std::size_t at = 0;  // byte in the script at which its first word stands
  std::string text;    // without the comments before it and without the semicolon
  std::vector<Action> actions;
  std::string error;      // why it could not be parsed; then there are no actions
  bool too_long = false;  // the parser was not asked: rows, most likely
};

struct DdlComment {
  std::size_t at = 0, end = 0;  // bytes in the script, half open
  std::string text;             // without the marks that begin and end it, trimmed
};

struct DdlScript {
  std::vector<DdlStatement> statements;
  std::vector<DdlComment> comments;
};

// The major version whose grammar this build knows: what came later is not parsed.
[[nodiscard]] int grammar_version();

// Reads a script statement by statement; lines that begin with a backslash (psql's own commands) are passed over. A
// statement that cannot be parsed is in the result with its error. Of PostgreSQL 18 `ADD CONSTRAINT name NOT NULL
// column` is understood as a CHECK of the same. Errors: parse (an open quote or comment), resource_exhausted (over
// kMaxScriptBytes); not retryable.
[[nodiscard]] Result<DdlScript> read_ddl(std::string_view text);

}  // namespace pgtend::sql
