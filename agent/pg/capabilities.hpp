#pragma once

#include <string>
#include <vector>

#include "agent/pg/connection.hpp"

namespace pgtend::pg {

// One thing that a role may or may not do here.
struct Capability {
  std::string name;  // "read_all_stats", "statements_created", "connect:shop"
  bool present = false;
  std::string effect;   // what is degraded without it; what it gives when present
  std::string cure;     // exact SQL (or the configuration line) that gives it; empty when present
  bool advice = false;  // not a missing right but a recommendation ("do not run as superuser")
};

// Asks the server, on this session and for its role, for every capability that pgtend can use. Works for a role with no
// rights at all: what cannot be asked is reported as missing with its cure.
// Errors: only the loss of the session (unavailable, timeout; retryable).
net::TaskResult<std::vector<Capability>> probe_capabilities(Connection& connection);

}  // namespace pgtend::pg
