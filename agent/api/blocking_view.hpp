#pragma once

#include <string>
#include <vector>

// Who blocks whom now; each field is a JSON field of the same name.
namespace pgtend::api {

struct ChainSessionView {
  int pid = 0;  // 0: a prepared transaction
  std::string database, user, application, state, backend_type;
  std::string query_id;              // empty: unknown
  std::string lock_mode, lock_type;  // what it waits for; empty for a root
  std::string relation;              // of the lock, where it has one
  double wait_seconds = 0;           // for the lock
  double transaction_seconds = 0;    // age of its transaction
};

struct BlockedSessionView {
  ChainSessionView session;
  int blocked_by = 0;  // pid
  int depth = 1;       // 1: the root itself blocks it
};

struct BlockingTreeView {
  ChainSessionView root;
  std::vector<BlockedSessionView> victims;  // nearest to the root first
  int depth = 0;
  double wait_seconds = 0;  // the longest wait of a victim
};

struct BlockingView {
  std::vector<BlockingTreeView> trees;  // most victims first
  std::vector<std::string> warnings;    // why there may be more
};

}  // namespace pgtend::api
