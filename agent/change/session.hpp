#pragma once

#include <optional>
#include <string>

#include "agent/change/core.hpp"

// Inside agent/change: the acting session, its fences, and statements by their lock regime.
namespace pgtend::change {

// A direct session on the act lane as application pgtend/chg/<id8>, on the server the plan was made for.
// Errors: refused (pooler, standby), conflict (another server), unavailable, timeout, permission.
net::TaskResult<pg::Lease> open_session(CorePtr core, Change change);

// Takes the database's lock and the object's lock in this session, by polling. `patience` 0: one try.
// Errors: timeout (somebody else holds one; retryable).
net::TaskResult<RowSet> take_locks(CorePtr core, pg::Connection* connection, Change change, Millis patience);

struct BackendStart {
  int pid = 0;
  UtcTime at;
};
net::TaskResult<BackendStart> who_am_i(pg::Connection* connection);
// Whether that very backend still runs; errors when it cannot be seen.
net::TaskResult<bool> is_alive(CorePtr core, std::string database, int pid, UtcTime start);

// How long one statement of the change may run, and the key of the configuration that says so.
struct StatementLimit {
  Millis time;
  std::string key;
};
[[nodiscard]] StatementLimit statement_limit(const PipelineOptions& options, const ProposedChange& plan);

// SET ROLE, the lock settings of the regime, and the server's own limit for what this session runs, which holds when
// the agent is gone.
net::TaskResult<RowSet> become_owner(CorePtr core, pg::Connection* connection, Change change, Regime regime);

// What a backend (pid $1) does now, as note_progress reads it.
[[nodiscard]] const std::string& running_query();
// Notes what is seen; true when the statement only waits for others.
bool note_progress(Core& core, const std::string& id, const RowSet& rows);

// One statement that changes the server; the freeze switch is read before it and before each repetition.
// Errors: refused (frozen, and nothing ran, retryable; or it ran for longer than its kind may, and would again),
// timeout (lock or wait budget spent; retryable), cancelled (stopping), and the server's.
net::TaskResult<RowSet> run_statement(CorePtr core, pg::Connection* connection, Change change, std::string sql,
                                      Regime regime);

// A step that is no statement of that session; the freeze switch is read before it. Errors: refused (frozen; nothing
// was done), and the step's.
net::TaskResult<RowSet> run_elsewhere(CorePtr core, const Kind* kind, Step step, Work work);

}  // namespace pgtend::change
