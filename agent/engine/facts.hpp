#pragma once

#include <cstdint>
#include <string>

#include "agent/model/facts.hpp"
#include "agent/net/task.hpp"
#include "collectors/query.hpp"

namespace pgtend::pg {
class Connection;
}

namespace pgtend::engine {

// What the connection's database offers to the facts: its version and extensions. A shape probed elsewhere does as
// well. Errors: those of the connection, retryable.
[[nodiscard]] net::TaskResult<collectors::ServerShape> fact_shape(pg::Connection* connection, Deadline deadline);

// Reads what advisors and checks need to know of one database, statement by statement; what a missing right or a lock
// hides is left out. `now` stamps the reading; `ram_bytes` is the host's memory (collectors/host), 0 when unknown:
// without it no advisor raises a memory setting. Errors: those of the connection, retryable. REQUIRES: the connection's
// executor; `connection` outlives the task.
[[nodiscard]] net::TaskResult<FactsPtr> read_facts(pg::Connection* connection, collectors::ServerShape shape,
                                                   std::string instance, std::string database, UtcTime now,
                                                   Deadline deadline, std::int64_t ram_bytes = 0);

}  // namespace pgtend::engine
