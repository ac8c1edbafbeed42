#include <filesystem>
#include <fstream>

#include "agent/cli/commands.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/migrate.hpp"
#include "agent/cli/table.hpp"
#include "agent/config/config.hpp"
#include "agent/engine/load_config.hpp"
#include "agent/engine/migration_adopt.hpp"

namespace pgtend::cli {

namespace {

struct AdoptRequest {
  std::string user, database, host, to;
  int port = 0;
  bool baseline = false;
  std::string folder = "migrations", as, table;
};

Json as_json(const AdoptedMigration& one) {
  return {{"version", one.version},        {"name", one.name},
          {"checksum", one.checksum},      {"applied_at", one.applied_at ? Json(to_rfc3339(*one.applied_at)) : Json()},
          {"state", to_string(one.state)}, {"and_before", one.and_before}};
}

Json as_json(const std::string& database, const std::vector<AdoptedHistory>& histories) {
  auto items = Json::array();
  for (const auto& history : histories) {
    auto migrations = Json::array();
    for (const auto& one : history.migrations) migrations.push_back(as_json(one));
    items.push_back(
        {{"tool", history.tool}, {"table", history.table}, {"warnings", history.warnings}, {"migrations", migrations}});
  }
  return {{"schema", "pgtend/v1"}, {"database", database}, {"items", items}};
}

void show(const AdoptedHistory& history) {
  print(history.tool + ", " + history.table + ": " + std::to_string(history.migrations.size()) + " migrations\n");
  for (const auto& warning : history.warnings) print("  ! " + warning + "\n");
  Table table({"  VERSION", "STATE", "APPLIED AT", "CHECKSUM", "NAME"});
  for (const auto& one : history.migrations)
    table.add({"  " + one.version, std::string(to_string(one.state)) + (one.and_before ? ", and all before" : ""),
               one.applied_at ? to_rfc3339(*one.applied_at) : "", one.checksum, one.name});
  if (!table.empty()) print(table.render());
}

// A file that is there already may be the only copy of an earlier answer.
Result<void> write_new(const std::string& path, const std::string& text) {
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored))
    return fail(Errc::conflict, path + " is there already; name another file, or remove it");
  std::ofstream out(path);
  out << text << std::flush;
  if (!out) return fail(Errc::io, "cannot write " + path);
  return {};
}

bool is_sound(const std::vector<AdoptedHistory>& histories) {
  for (const auto& history : histories) {
    if (!history.warnings.empty()) return false;
    for (const auto& one : history.migrations)
      if (one.state != AdoptedState::applied) return false;
  }
  return true;
}

// The history that is to be noted. Errors: not_found, conflict (which one, when there are several).
Result<AdoptedHistory> chosen(const std::vector<AdoptedHistory>& histories, const std::string& table) {
  std::string tables;
  for (const auto& history : histories) {
    if (history.table == table || (table.empty() && histories.size() == 1)) return history;
    tables += (tables.empty() ? "" : ", ") + history.table;
  }
  if (!table.empty()) return fail(Errc::not_found, "there is no history " + table + "; there is: " + tables);
  if (tables.empty()) return fail(Errc::not_found, "there is no history to adopt");
  return fail(Errc::conflict, "there are several histories; name one with --table: " + tables);
}

void note(Context& context, const AdoptRequest& request, const config::Config& config, AdoptedHistory history) {
  engine::MigrateJob job;
  job.kind = engine::MigrateJob::Kind::baseline;
  job.folder = request.folder;
  job.adopted = std::move(history);
  if (!request.as.empty()) {
    job.baseline = migrate::parse_version(request.as);
    if (!job.baseline) throw CLI::ValidationError("--as", "\"" + request.as + "\" is no version like V0007 or 7");
  }
  const auto result = run_migrate_job(context, config, std::move(job));
  if (!result) return;
  if (result->failure) return report(context, *result->failure);
  if (!context.json())
    print(std::to_string(result->done.size()) + " migrations are noted as there already; " +
          std::to_string(result->pending.size()) + " to apply: pgtend migrate status\n");
}

void adopt(Context& context, const AdoptRequest& request) {
  auto loaded = engine::load_config(context.effective_config_file());
  if (!loaded.errors.empty()) return report(context, fail(Errc::config, config::format_errors(loaded.errors)).value());
  auto& server = loaded.config.postgresql;
  if (!request.host.empty()) server.host = request.host;
  if (request.port != 0) server.port = request.port;
  if (!request.database.empty()) server.database = request.database;
  if (!request.user.empty()) {
    server.user = request.user;
    server.operator_role.reset();
  }
  const auto histories = engine::adopt_histories(server);
  if (!histories) return report(context, histories.error());
  const auto json = as_json(server.database, *histories).dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  if (!request.to.empty())
    if (const auto written = write_new(request.to, json); !written) return report(context, written.error());
  if (context.json()) {
    print(json);
  } else {
    for (const auto& history : *histories) show(history);
    if (histories->empty())
      print("database " + server.database +
            " holds no history of Flyway, Liquibase, golang-migrate, goose, dbmate or sqitch; another database: -d "
            "NAME\n");
    if (!request.to.empty()) print("written to " + request.to + "\n");
  }
  if (!is_sound(*histories)) context.exit_code = kWarnings;
  if (!request.baseline) return;
  auto history = chosen(*histories, request.table);
  if (!history) return report(context, history.error());
  note(context, request, loaded.config, std::move(*history));
}

}  // namespace

void add_migrate_adopt(CLI::App& migrate, Context& context) {
  auto* command = migrate.add_subcommand(
      "adopt",
      "read what Flyway, Liquibase, golang-migrate, goose, dbmate and sqitch applied; exit 3 when some of it "
      "failed or is half done");
  auto request = std::make_shared<AdoptRequest>();
  command->add_option("-U,--username", request->user, "role instead of the configured one");
  command->add_option("-d,--dbname", request->database, "database instead of the configured one");
  command->add_option("--pg-host", request->host, "server host or socket directory instead of the configured one");
  command->add_option("-p,--port", request->port, "server port instead of the configured one");
  command->add_option("--to", request->to, "also write it as JSON to this new file")->type_name("FILE");
  auto* baseline = command->add_flag("--baseline", request->baseline,
                                     "note in pgtend.change_log what it applied, so that up goes on from there");
  command->add_option("--dir", request->folder, "folder of the migration files")->type_name("DIR")->needs(baseline);
  command->add_option("--as", request->as, "version that stands for the whole history")
      ->type_name("VERSION")
      ->needs(baseline);
  command->add_option("--table", request->table, "which history, when there are several")
      ->type_name("SCHEMA.NAME")
      ->needs(baseline);
  command->callback([&context, request] { adopt(context, *request); });
}

}  // namespace pgtend::cli
