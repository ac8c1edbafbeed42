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

// How far the standby that is furthest behind is in replaying; 0 without one. Errors: the asker's.
net::TaskResult<Millis> replica_lag(Asker* asker);

struct Disk {
  std::optional<double> free_bytes;
  double bytes = 0;
  std::string note;  // why it was not looked at
};
// The disk of the data directory, when the server is on this host. Errors: the asker's.
net::TaskResult<Disk> free_disk(CorePtr core, Asker* asker, bool is_local);

}  // namespace pgtend::change
