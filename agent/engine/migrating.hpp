#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/change/migrate/runner.hpp"
#include "agent/config/config.hpp"

namespace pgtend::engine {

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
  // Who froze, as a running agent tells it; empty: nobody. Nothing: no agent answers, so its ledger is asked.
  std::optional<std::string> frozen_by;
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
  std::vector<std::string> drift;  // of objects
  std::vector<migrate::MigrationFile> files;
};

// Connects, does the job and disconnects; no running agent is needed. Blocks. What was done before a failure is in the
// result. Errors: those of read_folder() and of connecting, refused (frozen, pooler, standby).
[[nodiscard]] Result<MigrateResult> run_migrations(const config::Config& config, const MigrateJob& job);

}  // namespace pgtend::engine
