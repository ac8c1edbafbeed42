#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/change/migrate/mirror.hpp"
#include "agent/change/migrate/runner.hpp"
#include "agent/config/config.hpp"
#include "agent/engine/migration_lint.hpp"
#include "agent/model/adopted_migration.hpp"

namespace pgtend::engine {

// What migrations ask of the ledger and leave there.
struct LedgerDoor {
  // Who froze; empty: nobody. Asked again before each statement.
  std::function<Result<std::string>()> frozen_by;
  // The copy of a database's history under its key; empty: none yet.
  std::function<Result<std::string>(const std::string& key)> history;
  // Stores the copy and its audit rows, all or nothing.
  std::function<Result<void>(const std::string& key, const std::string& history,
                             const std::vector<store::AuditDraft>& drafts)>
      note;
};
// The file of an agent that is not running, opened for each call. Where there is neither the file nor its folder,
// nothing is known and nothing is kept. Errors: refused (a running agent has it, no right), those of the ledger.
[[nodiscard]] LedgerDoor ledger_file_door(const std::string& path);

struct MigrateJob {
  enum class Kind { status, up, down, baseline, verify };
  Kind kind = Kind::status;
  std::string folder;
  std::vector<migrate::MigrationFile> files;  // instead of the folder's
  std::string set = migrate::kChangeSet;      // whose history they are of
  std::string dsn;                            // instead of the configuration's server and operator role
  std::string user;                           // instead of the operator role, without its passfile
  bool only_superuser = false;
  std::string database;  // instead of that of either
  migrate::UpOptions up;
  migrate::DownOptions down;
  std::optional<std::uint64_t> baseline;  // the last version that was there before; needed without `adopted`
  std::optional<AdoptedHistory> adopted;  // of another tool, which is noted instead of every version
  std::vector<std::string> allow;         // rules of the lint that this run may break
  std::optional<Millis> wait;             // for another runner; else the pipeline's advisory_wait
  std::string actor;                      // kept in the log
  // The ledger through a running agent, nullopt when none answers now; then the file itself is opened.
  std::function<std::optional<LedgerDoor>()> agent;
  std::function<void(const std::string& line)> tell;
};

struct MigrateResult {
  std::string server, database;
  std::vector<migrate::Item> items;
  std::vector<const migrate::MigrationFile*> pending;  // into `files`
  std::vector<LintedFile> lint;                        // what each of `pending` would block, in its order
  std::optional<Error> obstacle;                       // why `up` would refuse
  std::vector<migrate::LogRow> done;
  std::optional<Error> failure;
  std::string broken_chain;        // of the history; empty: whole
  std::vector<std::string> notes;  // what could not be looked at or kept, and why
  std::vector<std::string> drift;  // of objects
  std::vector<migrate::MigrationFile> files;
};

// Connects, does the job and disconnects; no running agent is needed. Blocks. What was done before a failure is in the
// result, and in the ledger's copy and audit. Errors: those of read_folder() and of connecting, refused (frozen,
// pooler, standby, something that the lint calls critical and nobody allowed).
[[nodiscard]] Result<MigrateResult> run_migrations(const config::Config& config, const MigrateJob& job);

}  // namespace pgtend::engine
