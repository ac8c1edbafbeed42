#pragma once

#include "agent/change/core.hpp"
#include "agent/change/kinds/registry.hpp"
#include "agent/change/notes.hpp"

// Inside agent/change: what must hold before anything is touched.
namespace pgtend::change {

// Rights, fingerprint, catalogs, conflicting builds, old snapshots, disk, replica lag; what was seen goes into the
// notes. Only reads. Errors: permission (the missing right with its GRANT), conflict (stale plan, exists already),
// not_found, refused; unavailable and resource_exhausted are retryable.
net::TaskResult<Notes> check_gates(CorePtr core, pg::Connection* connection, Change change, bool reverse);

}  // namespace pgtend::change
