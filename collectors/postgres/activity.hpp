#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/model/rows.hpp"
#include "collectors/rows_to_series.hpp"

// Who blocks whom. pg_blocking_pids() takes every partition lock of the lock manager, so it is called only for sessions
// that wait for a heavyweight lock.
namespace pgtend::collectors {

// One session of a chain; no query text, which may hold literal data.
struct ChainSession {
  int pid = 0;  // 0: a prepared transaction holds the lock
  std::string database, user, application, state, backend_type;
  std::string query_id;              // empty when unknown
  std::string lock_mode, lock_type;  // what it waits for; empty for a root
  std::string relation;              // schema.name or oid of what it waits for, when it is a relation of this database
  double wait_seconds = 0;           // for the lock, as of the sample
  double transaction_seconds = 0;
};

struct BlockedSession {
  ChainSession session;
  int blocked_by = 0;  // pid nearest to the root
  int depth = 1;       // 1: blocked by the root itself
};

struct BlockingTree {
  ChainSession root;
  std::vector<BlockedSession> victims;  // nearest first
  int depth = 0;
  double wait_seconds = 0;  // the longest wait of a victim
};

// The statement; answers no rows when nobody waits.
[[nodiscard]] std::string blocking_sql();

// Builds the trees from its answer, most victims first. A victim of several roots appears under each; a cycle (a
// deadlock not yet detected) is rooted at its smallest pid.
[[nodiscard]] std::vector<BlockingTree> blocking_trees(const RowSet& rows);

// pgtend_blocking_* by database and user of the root.
[[nodiscard]] SeriesRun blocking_series(const RowSet& rows, const ServerIdentity& identity, std::string_view database);
[[nodiscard]] std::vector<MetricDef> blocking_metrics();

}  // namespace pgtend::collectors
