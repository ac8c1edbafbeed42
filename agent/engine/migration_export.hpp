#pragma once

#include <string>

#include "agent/base/result.hpp"
#include "rules/migrations/export.hpp"

namespace pgtend::engine {

// Writes a migration file into a folder, numbered one behind the highest there: V0008__create_index_orders.sql. `name`:
// what it is called, which may hold anything. Result: the file's path. Errors: not_found (the folder), permission, io,
// conflict (somebody took the number meanwhile, which can be retried).
[[nodiscard]] Result<std::string> write_migration(const migrations::MigrationSource& source, const std::string& folder,
                                                  const std::string& name);

}  // namespace pgtend::engine
