#pragma once

#include <string>

#include "agent/base/result.hpp"
#include "agent/store/ledger_types.hpp"

namespace pgtend::store {

// Recomputes the audit chain of a ledger without the agent, and whether or not it runs. Only reads: the file and what
// lies beside it stay as they are. A broken chain is a value, not an error.
// Errors: not_found, permission, io, corrupt (no sound database), unsupported (no ledger of pgtend).
[[nodiscard]] Result<AuditCheck> verify_audit_file(const std::string& path);

}  // namespace pgtend::store
