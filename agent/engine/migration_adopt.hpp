#pragma once

#include <vector>

#include "agent/base/result.hpp"
#include "agent/config/config.hpp"
#include "agent/model/adopted_migration.hpp"

namespace pgtend::engine {

// Reads the history tables of Flyway, Liquibase, golang-migrate, goose, dbmate and sqitch that are in the database, in
// a session that cannot write. They are known by their columns, so that a table of another name is found too; what was
// undone since is left out. Times without a zone are taken to be in the server's TimeZone, as the tools wrote them.
// Errors: those of pg::Connection; permission (with the GRANT) when a table may not be read. Retry as pg::classify()
// tells. REQUIRES: no running agent is needed; blocks for 10 s at most.
[[nodiscard]] Result<std::vector<AdoptedHistory>> adopt_histories(const config::PostgresqlConfig& config);

}  // namespace pgtend::engine
