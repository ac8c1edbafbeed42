#pragma once

#include <optional>
#include <string>

#include "agent/change/kinds/asker.hpp"

// Inside agent/change: looks at the whole server before work is begun, for changes and for migrations. `asker` is a
// session of a role that sees what other sessions do (pg_monitor), which the acting role need not be.
namespace pgtend::change {

// The oldest statement or snapshot of the database that a concurrent build would wait for, in seconds. `acting_pid`:
// the session that is to build. Errors: unavailable (one is older than `limit`; retryable), the server's.
net::TaskResult<double> no_old_snapshots(Asker* asker, int acting_pid, Millis limit);

struct ReplicaLag {
  double seconds = 0;  // of the standby that is furthest behind
  std::string note;    // why it is not known; empty: it is
};
// Errors: the server's.
net::TaskResult<ReplicaLag> replica_lag(Asker* asker);
// The same. Errors: unavailable (one is further behind than `limit`; retryable), the server's.
net::TaskResult<ReplicaLag> replicas_follow(Asker* asker, Millis limit);

struct Disk {
  std::optional<double> free_bytes;  // of the data directory's file system
  double bytes = 0;                  // of the whole of it
  std::string note;                  // why it is not known; empty: it is
};
// `is_local`: the server runs on this host. Errors: the server's.
net::TaskResult<Disk> free_disk(Asker* asker, net::asio::any_io_executor blocking, bool is_local);
// Errors: resource_exhausted (retryable). What is not known is not refused.
[[nodiscard]] Result<void> has_room(const Disk& disk, double needed_bytes);

}  // namespace pgtend::change
