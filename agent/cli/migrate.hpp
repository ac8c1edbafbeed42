#pragma once

#include <optional>

#include "agent/cli/context.hpp"
#include "agent/config/config.hpp"
#include "agent/engine/migrating.hpp"

namespace pgtend::cli {

// Below `migrate`.
void add_migrate_new(CLI::App& migrate, Context& context);
void add_migrate_lint(CLI::App& migrate, Context& context);
void add_migrate_adopt(CLI::App& migrate, Context& context);

// Runs a job as this person, with the ledger of the agent that answers. What went wrong before the server was reached
// is reported, and the result empty then.
[[nodiscard]] std::optional<engine::MigrateResult> run_migrate_job(Context& context, const config::Config& config,
                                                                   engine::MigrateJob job);

void show_finding(const std::string& file, const migrations::MigrationFinding& one);
[[nodiscard]] Json finding_as_json(const std::string& file, const migrations::MigrationFinding& one);

}  // namespace pgtend::cli
