#pragma once

#include <string>

#include "agent/engine/parts.hpp"
#include "agent/model/policy.hpp"
#include "agent/net/task.hpp"

namespace pgtend::engine {

// What the policy `config` may look at besides a change: the ledger, the freeze switch in all its forms but the
// configuration's own, the server's role. `except_change` leaves one change out. Without a ledger it says so.
// `parts` outlives the task. REQUIRES: I/O thread. Errors: those of the ledger.
net::TaskResult<PolicyPast> read_policy_past(Parts* parts, PolicyConfig config, std::string except_change);

}  // namespace pgtend::engine
