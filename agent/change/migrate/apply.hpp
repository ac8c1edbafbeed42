#pragma once

#include "agent/change/migrate/session.hpp"

// Inside agent/change/migrate: one file in one direction.
namespace pgtend::migrate {

struct Work {
  const MigrationFile* file = nullptr;
  Action action = Action::up;
  Progress progress;  // of this file where it was interrupted, else new
  Objects expected;   // what the log's migrations left
  [[nodiscard]] const std::vector<Step>& steps() const { return action == Action::up ? file->up : file->down; }
};

// Runs the whole file and returns its row of the log. Errors: as Report's.
net::TaskResult<LogRow> apply(Session* session, Work* work);

// --- statements that cannot run in a transaction

// What is there of such a step before it runs. `resumed`: this very step was begun and interrupted.
// Errors: conflict (somebody else made what it would make).
enum class Found { nothing, done };
net::TaskResult<Found> look_before(Session* session, const MigrationFile* file, const Step* step, bool resumed);
// Removes what a failed step left behind (an INVALID index).
net::TaskResult<RowSet> clean_up(Session* session, const Step* step);

}  // namespace pgtend::migrate
