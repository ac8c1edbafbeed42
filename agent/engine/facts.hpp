#pragma once

#include <cstdint>
#include <string>

#include "agent/model/facts.hpp"
#include "agent/net/task.hpp"

namespace pgtend::pg {
class Connection;
}

namespace pgtend::engine {

// Reads what advisors and checks need to know of the connection's database, statement by statement; what a missing right
// or a lock hides is left out. `ram_bytes` is the host's memory, 0 when unknown (a remote server).
// Errors: those of the connection, retryable. REQUIRES: the connection's executor; `connection` and `clock` outlive the task.
[[nodiscard]] net::TaskResult<FactsPtr> read_facts(pg::Connection& connection, std::string instance,
                                                   std::int64_t ram_bytes, const Clock& clock, Deadline deadline);

}  // namespace pgtend::engine
