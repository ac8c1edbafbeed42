#include "agent/cli/migrate.hpp"

#include "agent/cli/commands.hpp"

namespace pgtend::cli {

void add_migrate(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("migrate", "migration files: what they would block, and what other tools applied");
  command->require_subcommand(1);
  add_migrate_lint(*command, context);
  add_migrate_adopt(*command, context);
}

}  // namespace pgtend::cli
