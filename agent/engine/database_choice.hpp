#pragma once

#include <string>
#include <vector>

#include "agent/config/settings.hpp"
#include "agent/pg/capabilities.hpp"

namespace pgtend::engine {

// Whether a database passes the globs of postgresql.include_databases and exclude_databases.
[[nodiscard]] bool is_chosen(const config::PostgresqlConfig& config, const std::string& database);

// Rights to CONNECT are asked for in every database. Leaves those of databases that are chosen; of the missing ones a
// few are named and the rest counted in one.
[[nodiscard]] std::vector<pg::Capability> of_chosen(std::vector<pg::Capability> capabilities,
                                                    const config::PostgresqlConfig& config);

}  // namespace pgtend::engine
