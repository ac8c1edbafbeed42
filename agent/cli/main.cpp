#include <csignal>
#include <iostream>

#include "agent/cli/commands.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/usage.hpp"

int main(int argc, char** argv) {
  using namespace pgtend::cli;
  // A pager that is closed early, or a peer that hangs up, is an error value and not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);

  Context context;
  CLI::App app(
      "pgtend tends a PostgreSQL server from beside it: it samples, alerts, advises, changes, verifies, undoes.",
      "pgtend");
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("-c,--config", context.config_file, "configuration file")->type_name("FILE");
  app.add_option("--socket", context.socket, "the agent's unix socket")->type_name("PATH");
  app.add_option("--host", context.host, "a remote agent, like https://db1:9187")->type_name("URL");
  app.add_option("--token-file", context.token_file, "file that holds the bearer token")->type_name("FILE");
  app.add_option("-o,--output", context.output, "table or json")->check(CLI::IsMember({"table", "json"}));
  app.footer("Exit codes: pgtend help exit-codes");

  add_run(app, context);
  add_check_config(app, context);
  add_doctor(app, context);
  add_status(app, context);
  add_findings(app, context);
  add_recommendations(app, context);
  add_changes(app, context);
  add_policy(app, context);
  add_backtest(app, context);
  add_proof(app, context);
  add_alerts(app, context);
  add_routes(app, context);
  add_runbook(app, context);
  add_rules(app, context);
  add_audit(app, context);
  add_freeze(app, context);
  add_migrate(app, context);
  add_setup(app, context);
  add_history(app, context);
  add_ash(app, context);
  add_blocking(app, context);
  add_bloat(app, context);
  add_db(app, context);
  add_demo(app, context);
  add_version(app, context);
  add_help(app, context);

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    std::cerr << usage_error(app, error);
    return kUsage;
  } catch (const std::exception& error) {
    std::cerr << "pgtend: " << error.what() << "\n";
    return kFailed;
  }
  return exit_code_of(context);
}
