#pragma once

#include "agent/cli/context.hpp"

// One function per subcommand: adds it to the application; its callback runs after parsing.
namespace pgtend::cli {

void add_run(CLI::App& app, Context& context);
void add_check_config(CLI::App& app, Context& context);
void add_doctor(CLI::App& app, Context& context);
void add_status(CLI::App& app, Context& context);
void add_findings(CLI::App& app, Context& context);
void add_recommendations(CLI::App& app, Context& context);
void add_changes(CLI::App& app, Context& context);
void add_policy(CLI::App& app, Context& context);
void add_backtest(CLI::App& app, Context& context);
void add_proof(CLI::App& app, Context& context);
void add_alerts(CLI::App& app, Context& context);
void add_routes(CLI::App& app, Context& context);
void add_runbook(CLI::App& app, Context& context);
void add_rules(CLI::App& app, Context& context);
void add_audit(CLI::App& app, Context& context);
void add_freeze(CLI::App& app, Context& context);
void add_migrate(CLI::App& app, Context& context);
void add_setup(CLI::App& app, Context& context);
void add_history(CLI::App& app, Context& context);
// Below `history`.
void add_history_export(CLI::App& history, Context& context);
void add_history_import(CLI::App& history, Context& context);
void add_blocking(CLI::App& app, Context& context);
void add_bloat(CLI::App& app, Context& context);
void add_ash(CLI::App& app, Context& context);
void add_db(CLI::App& app, Context& context);
void add_demo(CLI::App& app, Context& context);
void add_version(CLI::App& app, Context& context);
void add_help(CLI::App& app, Context& context);

}  // namespace pgtend::cli
