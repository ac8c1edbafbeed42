#include "collectors/postgres/active_sessions.hpp"

#include <algorithm>
#include <optional>

namespace pgtend::collectors {

namespace {

// Sessions of one look. Source: max_connections is in the hundreds; a server with more is no better known by all.
constexpr int kMostSessions = 5'000;
// Bytes of an application's name, which clients choose freely. Source: NAMEDATALEN, by which the server cuts it.
constexpr int kMostNameBytes = 64;
// compute_query_id and the column are there since this version.
constexpr int kQueryIdSince = 140'000;

}  // namespace

std::string active_sessions_sql(int version_num) {
  // The function instead of the view: no join with pg_database and pg_authid, whose rows are looked up for the few
  // sessions that are left. What a walsender or a launcher does between two tasks is of type Activity.
  const std::string query_id = version_num >= kQueryIdSince ? "a.query_id" : "NULL::pg_catalog.int8 AS query_id";
  return "SELECT a.pid, a.state, a.wait_event_type, a.wait_event, a.backend_type, " + query_id +
         R"(,
       (SELECT d.datname FROM pg_catalog.pg_database d WHERE d.oid = a.datid) AS datname,
       pg_catalog.pg_get_userbyid(a.usesysid) AS usename,
       pg_catalog.left(a.application_name, )" +
         std::to_string(kMostNameBytes) + R"() AS application_name
FROM pg_catalog.pg_stat_get_activity(NULL) a
WHERE a.pid <> pg_catalog.pg_backend_pid()
  AND (a.backend_type IS NULL
       OR a.state NOT IN ('idle', 'disabled') AND a.wait_event_type IS DISTINCT FROM 'Activity')
LIMIT )" +
         std::to_string(kMostSessions);
}

std::string blockers_sql() {
  return "SELECT w.pid, pg_catalog.pg_blocking_pids(w.pid) AS blockers"
         " FROM pg_catalog.unnest($1::pg_catalog.int4[]) w(pid)";
}

SampledSessions read_active_sessions(const RowSet& rows, const std::set<int>& own) {
  SampledSessions out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto pid = static_cast<int>(rows.integer(i, "pid").value_or(0));
    if (pid == 0 || own.contains(pid)) continue;
    // The server hides the rest of the row as well from a role without pg_read_all_stats.
    if (!rows.get(i, "backend_type")) {
      ++out.hidden;
      continue;
    }
    ActiveSession session;
    session.state = rows.text(i, "state");
    session.wait_event_type = rows.text(i, "wait_event_type");
    session.wait_event = rows.text(i, "wait_event");
    session.database = rows.text(i, "datname");
    session.user = rows.text(i, "usename");
    session.application = rows.text(i, "application_name");
    session.backend_type = rows.text(i, "backend_type");
    session.query_id = rows.integer(i, "query_id").value_or(0);
    if (session.wait_event_type == "Lock" && out.lock_waiters.size() < kMostLockWaiters)
      out.lock_waiters.push_back(pid);
    out.sessions.emplace(pid, std::move(session));
  }
  return out;
}

namespace {

using Blockers = std::map<int, std::vector<int>>;

// Follows the first blocker of each; in a cycle the smallest pid of it.
int head_of_chain(const Blockers& blockers, int pid) {
  std::vector<int> path;
  while (true) {
    const auto seen = std::find(path.begin(), path.end(), pid);
    if (seen != path.end()) return *std::min_element(seen, path.end());
    const auto next = blockers.find(pid);
    if (next == blockers.end()) return pid;
    path.push_back(pid);
    pid = next->second.front();
  }
}

std::string describe(const SampledSessions& sampled, int pid) {
  if (pid == 0) return "prepared transaction";
  const std::string name = "pid " + std::to_string(pid);
  const auto found = sampled.sessions.find(pid);
  if (found == sampled.sessions.end()) return name;
  const auto& session = found->second;
  return name + " " + session.user + "@" + session.database + " (" + session.state + ")";
}

}  // namespace

void name_blockers(SampledSessions& sampled, const RowSet& rows) {
  Blockers blockers;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto pid = static_cast<int>(rows.integer(i, "pid").value_or(0));
    std::vector<int> of;
    // A leader and its workers wait for each other's group: not for itself.
    for (const auto& item : parse_array(rows.text(i, "blockers")))
      if (const auto blocker = parse_number(item); blocker && static_cast<int>(*blocker) != pid)
        of.push_back(static_cast<int>(*blocker));
    if (pid != 0 && !of.empty()) blockers.emplace(pid, std::move(of));
  }
  for (const auto& [pid, of] : blockers) {
    const auto waiter = sampled.sessions.find(pid);
    if (waiter != sampled.sessions.end()) waiter->second.blocker = describe(sampled, head_of_chain(blockers, pid));
  }
}

}  // namespace pgtend::collectors
