#pragma once

#include <memory>
#include <string>

#include "agent/change/options.hpp"
#include "agent/model/change.hpp"
#include "agent/net/task.hpp"
#include "agent/pg/connection.hpp"

namespace pgtend::change {

// strong_lock: a short lock_timeout and retries, so that nobody queues behind us for longer.
// concurrent: no lock_timeout (it would kill the build on any statement longer than it), a watcher instead.
enum class Regime { strong_lock, concurrent };

// What the catalogs show of what sql_up makes.
enum class Sight {
  absent,
  present,
  leftover,  // something unfinished of ours that must go first: an INVALID index
  unknown,   // the result leaves no trace to look for
};

// One kind of change: what it checks, how it looks at its result, what it leaves behind. The SQL itself is the plan's.
// REQUIRES: the acting session, outside a transaction. Every error is one of the connection unless it is named.
class Kind {
 public:
  virtual ~Kind() = default;
  [[nodiscard]] virtual Regime regime() const = 0;
  [[nodiscard]] virtual Millis timeout(const PipelineOptions& options) const = 0;
  // Whether statements can tell if it helped; false: the catalogs' word is the verdict.
  [[nodiscard]] virtual bool observed() const = 0;

  // Before anything is touched: the object is as the plan saw it and the role may do it. Result: the plan, with the role
  // to act as and, for a setting, the value to go back to.
  // Errors: permission (names the GRANT), conflict (the object is not as it was), refused, not_found.
  virtual net::TaskResult<ProposedChange> prepare(pg::Connection& connection, ProposedChange plan,
                                                  Deadline deadline) const = 0;
  // After the statements of either direction: what makes them take effect (a mark of ours, a reload).
  virtual net::TaskResult<bool> finish(pg::Connection& connection, Change change, bool undo, Deadline deadline) const = 0;
  virtual net::TaskResult<Sight> look(pg::Connection& connection, Change change, Deadline deadline) const = 0;
  // Removes a leftover of ours; does nothing when there is none.
  virtual net::TaskResult<bool> clean(pg::Connection& connection, Change change, Deadline deadline) const = 0;
  // Before an undo: what we made is still as we made it. Errors: conflict (drift; nothing is touched then).
  virtual net::TaskResult<bool> may_undo(pg::Connection& connection, Change change, Deadline deadline) const = 0;
};

// The explicit registry: a new kind is one line here.
[[nodiscard]] const Kind& kind_of(ChangeKind kind);

[[nodiscard]] const Kind& index_kind();
[[nodiscard]] const Kind& refresh_kind();
[[nodiscard]] const Kind& maintenance_kind();
[[nodiscard]] const Kind& setting_kind();

// Of a relation: its owner, if the session may act as the owner, and the GRANT that would let it.
struct Ownership {
  std::string owner, session_user;
  bool may_act = false;
  char relkind = 0;
};
// Errors: not_found.
net::TaskResult<Ownership> ownership(pg::Connection& connection, std::string schema, std::string name, Deadline deadline);
// The error that a missing right becomes.
[[nodiscard]] Error missing_right(const std::string& what, const std::string& grant);

}  // namespace pgtend::change
