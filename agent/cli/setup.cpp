#include <pwd.h>
#include <unistd.h>

#include <iostream>
#include <span>

#include "agent/base/embedded.hpp"
#include "agent/base/strings.hpp"
#include "agent/cli/commands.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/migrate.hpp"
#include "agent/engine/doctor.hpp"
#include "agent/engine/load_config.hpp"

namespace pgtend::embedded {
std::span<const EmbeddedFile> setup_files();
}

namespace pgtend::cli {

namespace {

struct SetupRequest {
  std::string user, database, host;
  int port = 0;
  std::vector<std::string> owners, tuned;
  bool apply = false, without_extensions = false;
};

// Peer authentication takes the name of the user of this machine.
std::string own_name() {
  const auto* entry = ::getpwuid(::getuid());
  return entry != nullptr ? entry->pw_name : "postgres";
}

struct Settings {
  std::string monitor, operator_;
};

// One file of the set: its settings first, so that another value is another text and is applied again.
Result<migrate::MigrationFile> file_of(const std::string& name, const char* source, const Settings& roles,
                                       const std::string& setting = {}, const std::string& value = {}) {
  std::string_view body;
  for (const auto& file : embedded::setup_files())
    if (file.name == std::string("packaging/sql/setup/") + source) body = file.text;
  const auto set = [](const std::string& key, const std::string& text) {
    return "SELECT pg_catalog.set_config('pgtend." + key + "', " + quote_literal(text) + ", true);\n";
  };
  std::string text = "-- pgtend: risk=low\n" + set("monitor", roles.monitor) + set("operator", roles.operator_);
  if (!setting.empty()) text += set(setting, value);
  // An extension goes where the person's search_path says.
  if (std::string_view(source) != "extensions.sql") text += "SET LOCAL search_path TO pg_catalog;\n";
  return migrate::parse_migration("setup/R__" + name + ".sql", text + std::string(body));
}

Result<std::vector<migrate::MigrationFile>> files_of(const config::PostgresqlConfig& server,
                                                     const SetupRequest& request) {
  const Settings roles{server.user, server.operator_role ? server.operator_role->user : "pgtend_operator"};
  std::vector<migrate::MigrationFile> out;
  const auto add = [&](Result<migrate::MigrationFile> file) -> Result<void> {
    if (!file) return fail(std::move(file.error()));
    out.push_back(std::move(*file));
    return {};
  };
  if (auto ok = add(file_of("10_roles", "roles.sql", roles)); !ok) return fail(std::move(ok.error()));
  if (auto ok = add(file_of("20_database", "database.sql", roles)); !ok) return fail(std::move(ok.error()));
  for (const auto& owner : request.owners)
    if (auto ok = add(file_of("30_owner_" + owner, "owner.sql", roles, "owner", owner)); !ok)
      return fail(std::move(ok.error()));
  for (const auto& tuned : request.tuned)
    if (auto ok = add(file_of("40_tuned_" + tuned, "tuned.sql", roles, "tuned", tuned)); !ok)
      return fail(std::move(ok.error()));
  if (!request.without_extensions)
    if (auto ok = add(file_of("50_extensions", "extensions.sql", roles)); !ok) return fail(std::move(ok.error()));
  return out;
}

struct Missing {
  std::string role, what, cure;
};

// What the agent would still miss, as `pgtend doctor` finds it.
std::vector<Missing> missing_now(const config::Config& config) {
  std::vector<Missing> out;
  for (const auto& role : engine::examine(config).roles) {
    if (!role.error.empty()) out.push_back({role.user, "cannot connect: " + role.error, ""});
    for (const auto& c : role.capabilities)
      if (!c.present && !c.advice) out.push_back({role.user, c.name, c.cure});
  }
  return out;
}

Json as_json(const engine::MigrateResult& result, const std::vector<Missing>& missing) {
  auto pending = Json::array(), done = Json::array(), lacking = Json::array();
  for (const auto* file : result.pending) pending.push_back({{"id", file->id}, {"sql", file->text}});
  for (const auto& row : result.done) done.push_back({{"id", row.id}, {"duration_ms", row.duration_ms}});
  for (const auto& one : missing) lacking.push_back({{"role", one.role}, {"what", one.what}, {"cure", one.cure}});
  return {{"schema", "pgtend/v1"},
          {"database", result.database},
          {"pending", pending},
          {"done", done},
          {"missing", lacking}};
}

void show_plan(const engine::MigrateResult& result) {
  for (const auto* file : result.pending) print("-- " + file->path + "\nBEGIN;\n" + file->text + "COMMIT;\n\n");
  print(result.pending.empty() ? "-- everything is set up in database " + result.database + "\n"
                               : "-- to apply this in database " + result.database + ": pgtend setup --apply\n");
}

void setup(Context& context, const SetupRequest& request) {
  auto loaded = engine::load_config(context.effective_config_file());
  if (!loaded.errors.empty()) return report(context, fail(Errc::config, config::format_errors(loaded.errors)).value());
  auto& server = loaded.config.postgresql;
  if (!request.host.empty()) server.host = request.host;
  if (request.port != 0) server.port = request.port;
  if (!request.database.empty()) server.database = request.database;
  auto files = files_of(server, request);
  if (!files) return report(context, files.error());
  engine::MigrateJob job;
  job.kind = request.apply ? engine::MigrateJob::Kind::up : engine::MigrateJob::Kind::status;
  job.files = std::move(*files);
  job.set = migrate::kSetupSet;
  job.only_superuser = true;
  job.user = request.user.empty() ? own_name() : request.user;
  const auto result = run_migrate_job(context, loaded.config, std::move(job));
  if (!result) return;
  if (result->failure) {
    report(context, *result->failure);
    std::cerr << "  a superuser sets pgtend up, over a connection of their own: sudo -u postgres pgtend setup --apply; "
                 "another role: -U NAME\n";
    return;
  }
  // Before the roles are there everything is missing.
  const bool is_set_up = request.apply || result->pending.empty();
  const auto missing = is_set_up ? missing_now(loaded.config) : std::vector<Missing>();
  if (!missing.empty() || !is_set_up) context.exit_code = kWarnings;
  if (context.json()) return print(as_json(*result, missing).dump(2) + "\n");
  if (request.apply)
    print(result->done.empty() ? "everything is set up already\n"
                               : std::to_string(result->done.size()) + " applied in database " + result->database +
                                     "; rights are kept per database: the next one with -d NAME\n");
  if (!request.apply) show_plan(*result);
  for (const auto& one : missing)
    print("missing for " + one.role + ": " + one.what + "\n" + (one.cure.empty() ? "" : "    " + one.cure + "\n"));
}

}  // namespace

void add_setup(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand(
      "setup", "pgtend's roles, rights and schema in a database: print the SQL and what is missing, or --apply it");
  auto request = std::make_shared<SetupRequest>();
  command->add_flag("--apply", request->apply, "apply what is not applied yet");
  command->add_option("--owner", request->owners, "role that owns tables which pgtend may change; may be given again")
      ->type_name("ROLE");
  command->add_option("--tuned", request->tuned, "login role whose work_mem pgtend may set; may be given again")
      ->type_name("ROLE");
  command->add_flag("--no-extensions", request->without_extensions, "do not create pg_stat_statements and hypopg");
  command->add_option("-U,--username", request->user, "superuser to connect as; default: the name of this user");
  command->add_option("-d,--dbname", request->database, "database instead of the configured one");
  command->add_option("--pg-host", request->host, "server host or socket directory instead of the configured one");
  command->add_option("-p,--port", request->port, "server port instead of the configured one");
  command->callback([&context, request] { setup(context, *request); });
}

}  // namespace pgtend::cli
