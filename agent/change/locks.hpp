#pragma once

#include <cstdint>
#include <string>

#include "agent/net/task.hpp"
#include "agent/pg/connection.hpp"

// Inside agent/change: the advisory locks that keep two who act apart, and when a strong lock is asked for again.
namespace pgtend::change {

struct LockTry {
  bool held = false;
  std::string holders;  // pids, when it is not
};
// One try, in this session, for the database's lock (somebody acts here) and the object's; holds both or neither.
// Without `whole_database` for the object's alone. Never waits in the server: a waiter in pg_advisory_lock would
// deadlock with CREATE INDEX CONCURRENTLY. Errors: the server's.
net::TaskResult<LockTry> try_locks(pg::Connection* connection, std::int32_t object_key, bool whole_database,
                                   Deadline deadline);

// Whether a statement failed because a lock was not granted in time, or by a deadlock.
[[nodiscard]] bool is_lock_failure(const Error& error);
// The longest rest before attempt `attempt` + 1 of such a statement. Source: reference planned_systems.md 6.3.
[[nodiscard]] Millis longest_lock_rest(int attempt);

}  // namespace pgtend::change
