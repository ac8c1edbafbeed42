#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/model/adopted_migration.hpp"
#include "agent/model/rows.hpp"

// Inside agent/engine only: what the history tables of migration tools look like.
namespace pgtend::engine {

struct MigrationTool {
  std::string_view name;
  // Columns that the table must have; `exactly`: and no other.
  std::vector<std::string_view> columns;
  bool exactly = false;
  // Part of the table's name, for a tool whose columns alone could be anybody's.
  std::string_view name_part;
  // Its migrations as version, name, checksum, applied_at, state, and_before. %1 is the table, quoted; %2 its schema.
  std::string_view statement;
  // Further rows, each one column: warnings. Empty: none.
  std::string_view warnings;
  // What the warnings need besides, in the same schema; they are left out where it is missing.
  std::string_view companion;
};

[[nodiscard]] const std::vector<MigrationTool>& migration_tools();
// Relations with their columns, and whether this role may read them: schema, name, columns, readable.
[[nodiscard]] std::string_view relations_statement();
[[nodiscard]] const MigrationTool* tool_of(const std::string& table, const std::vector<std::string>& columns);
[[nodiscard]] std::vector<AdoptedMigration> adopted_rows(const RowSet& rows);

}  // namespace pgtend::engine
