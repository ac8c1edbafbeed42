#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/change/migrate/mirror.hpp"
#include "agent/change/migrate/runner.hpp"
#include "agent/config/config.hpp"

namespace pgtend::store {
class Ledger;
}

namespace pgtend::engine {

// What migrations ask of the ledger and leave there.
struct LedgerDoor {
  // Who froze; empty: nobody.
  std::function<Result<std::string>()> frozen_by;
  // The copy of a database's history under its key; empty: none yet.
  std::function<Result<std::string>(const std::string& key)> history;
  // Stores the copy together with its audit rows.
  std::function<Result<void>(const std::string& key, const std::string& history,
                             const std::vector<store::AuditDraft>& drafts)>
      note;
};
// The file of an agent that is not running, opened for each call. Where there is neither the file nor its folder,
// nothing is known and nothing is kept. Errors: refused (a running agent has it, no right), those of the ledger.
[[nodiscard]] LedgerDoor ledger_file_door(const std::string& path);

// The copy comes last: a crash between the two repeats audit rows and loses none. Errors: those of the ledger.
[[nodiscard]] Result<void> note_migrations(store::Ledger& ledger, const std::string& key, const std::string& history,
                                           const std::vector<store::AuditDraft>& drafts);

struct MigrateJob {
  enum class Kind { status, up, down, baseline, verify };
  Kind kind = Kind::status;
  std::string folder;
  std::string dsn;       // instead of the configuration's server and operator role
  std::string database;  // instead of that of either
  migrate::UpOptions up;
  migrate::DownOptions down;
  std::uint64_t baseline = 0;
  std::optional<Millis> wait;  // for another runner; else the pipeline's advisory_wait
  std::string actor;           // kept in the log
  // The ledger through a running agent; without one the file itself is opened.
  std::optional<LedgerDoor> agent;
  std::function<void(const std::string& line)> tell;
};

struct MigrateResult {
  std::string server, database;
  std::vector<migrate::Item> items;
  std::vector<const migrate::MigrationFile*> pending;  // into `files`
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
// pooler, standby).
[[nodiscard]] Result<MigrateResult> run_migrations(const config::Config& config, const MigrateJob& job);

}  // namespace pgtend::engine
