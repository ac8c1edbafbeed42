#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/model/rows.hpp"

// One look at who is active and waits for what: no query text is read, and no table is touched.
namespace pgtend::collectors {

// A session that is not idle.
struct ActiveSession {
  std::string state;
  std::string wait_event_type, wait_event;  // empty: it waits for nothing
  std::string database, user, application, backend_type;
  std::int64_t query_id = 0;  // 0: unknown
  std::string blocker;        // see name_blockers()
};

struct SampledSessions {
  std::map<int, ActiveSession> sessions;  // by pid
  std::vector<int> lock_waiters;          // at most kMostLockWaiters
  std::size_t hidden = 0;                 // sessions whose state this role may not see
};

// The statement for a server of this version; sessions that are idle are not in its answer.
[[nodiscard]] std::string active_sessions_sql(int version_num);
// Reads its answer. `own`: pids of the agent's sessions, which are left out.
[[nodiscard]] SampledSessions read_active_sessions(const RowSet& rows, const std::set<int>& own);

// Who blocks the sessions of $1 (an integer array). pg_blocking_pids() takes every partition lock of the lock manager,
// so it is asked only while sessions wait for heavyweight locks, and of kMostLockWaiters at most.
[[nodiscard]] std::string blockers_sql();
inline constexpr std::size_t kMostLockWaiters = 50;
// Names for each waiter the session at the head of its chain, out of the answer of blockers_sql(). A cycle, a deadlock
// that is not yet detected, has its smallest pid at its head.
void name_blockers(SampledSessions& sampled, const RowSet& rows);

}  // namespace pgtend::collectors
