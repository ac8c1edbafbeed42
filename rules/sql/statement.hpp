#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.hpp"

// What pgtend needs to know of an SQL statement, read from the server's own grammar (libpg_query, seen only here).
namespace pgtend::sql {

// Where a column is used; the candidate rules of the index advisor are written for these.
enum class Clause { equality, range, join, group, order, output, assigned };
[[nodiscard]] std::string_view to_string(Clause clause);

// One mention of a relation in FROM, or the target of INSERT, UPDATE, DELETE.
struct RelationUse {
  std::string schema;  // as written: empty when the text does not say
  std::string table;
  std::string alias;  // as written, else the table's name
  bool written = false;
};

struct ColumnUse {
  std::string schema, table;  // of the relation, its alias resolved
  std::string column;
  Clause clause = Clause::output;
  bool descending = false;       // order only
  std::optional<int> parameter;  // n of $n when compared with it or assigned from it
  std::size_t relation = 0;      // index into StatementShape::relations: two aliases of one table stay apart
  int query = 0;                 // which SELECT of the statement; uses combine only within one
  bool conjunct = true;          // false under OR or NOT: does not restrict the relation alone
  bool limited = false;          // order only: its SELECT has a LIMIT
};

struct StatementShape {
  enum class Kind { select, insert, update, delete_, utility, other };
  Kind kind = Kind::other;
  std::vector<RelationUse> relations;
  std::vector<ColumnUse> columns;
  bool has_limit = false;
  int parameters = 0;                            // highest $n
  std::vector<std::string> constant_predicates;  // "orders.deleted_at IS NULL": no parameter, no literal
};

// Whether a relation (schema as written, possibly empty) has a column; decides unqualified names in joins.
using HasColumn = std::function<bool(std::string_view schema, std::string_view table, std::string_view column)>;

// Parses one statement. Unqualified columns are resolved when one relation is in scope, else by `has_column`; what
// stays ambiguous is left out. Errors: parse (not SQL, more than one statement), resource_exhausted (too long or too
// deep). Neither is retryable. REQUIRES: nothing; any thread.
[[nodiscard]] Result<StatementShape> analyse(std::string_view text, const HasColumn& has_column = {});

// Whether the text begins like a statement that has a plan (SELECT, INSERT, UPDATE, DELETE, MERGE, VALUES, TABLE,
// WITH), also where the rest cannot be parsed: pg_stat_statements' SET, COPY, EXPLAIN and DDL do not.
[[nodiscard]] bool has_plan(std::string_view text);

// The same for statements that differ only in literals, parameters and layout. Errors: parse, not retryable.
[[nodiscard]] Result<std::string> fingerprint(std::string_view text);

// The statements of a script, each trimmed and without its semicolon. Errors: parse, not retryable.
[[nodiscard]] Result<std::vector<std::string>> split(std::string_view text);

}  // namespace pgtend::sql
