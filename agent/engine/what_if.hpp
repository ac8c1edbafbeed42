#pragma once

#include <vector>

#include "agent/net/task.hpp"
#include "rules/advisors/missing_index.hpp"

namespace pgtend::pg {
class Connection;
}

namespace pgtend::engine {

// Prices each question with and without each of its hypothetical indexes in one session: generic plans, read only, one
// statement at a time, nothing executed. The session's own settings are put back and HypoPG is reset at the end.
// An unexplainable statement is an answer with an error; what the deadline cuts off gets the error "not asked: …".
// Errors: unsupported (no HypoPG), and those of the connection. REQUIRES: the connection's executor.
[[nodiscard]] net::TaskResult<std::vector<advisors::WhatIfAnswer>> ask_what_if(
    pg::Connection* connection, std::vector<advisors::WhatIfQuestion> questions, Deadline deadline);

}  // namespace pgtend::engine
