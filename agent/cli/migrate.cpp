#include "agent/cli/migrate.hpp"

#include "agent/base/units.hpp"
#include "agent/cli/commands.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/table.hpp"
#include "agent/engine/load_config.hpp"
#include "agent/engine/migrating.hpp"

namespace pgtend::cli {

namespace {

using engine::MigrateJob;
using engine::MigrateResult;
using Kind = MigrateJob::Kind;

// What the subcommands share.
struct Asked {
  std::string folder = "migrations", dsn, database, wait, to;
  int steps = 1;
  bool out_of_order = false;
  std::vector<std::string> allow;
};
using AskedPtr = std::shared_ptr<Asked>;

std::optional<MigrateResult> work(Context& context, const AskedPtr& asked, MigrateJob job) {
  const std::string file = context.effective_config_file();
  auto loaded = engine::load_config(file);
  if (!loaded.errors.empty()) {
    Error error;
    error.code = Errc::config;
    error.message = config::format_errors(loaded.errors);
    report(context, error);
    return std::nullopt;
  }
  job.folder = asked->folder;
  job.dsn = asked->dsn;
  job.database = asked->database;
  job.allow = asked->allow;
  if (!asked->wait.empty()) {
    const auto wait = parse_duration(asked->wait);
    if (!wait) throw CLI::ValidationError("--wait", wait.error().message);
    job.wait = *wait;
  }
  return run_migrate_job(context, loaded.config, std::move(job));
}

Json as_json(const MigrateResult& result) {
  auto items = Json::array(), pending = Json::array(), done = Json::array();
  for (const auto& item : result.items)
    items.push_back({{"id", item.id},
                     {"name", item.name},
                     {"file", item.path},
                     {"state", to_string(item.state)},
                     {"detail", item.detail},
                     {"applied_at", item.applied_at ? Json(to_rfc3339(*item.applied_at)) : Json()},
                     {"applied_by", item.applied_by}});
  for (std::size_t i = 0; i < result.pending.size(); ++i) {
    const auto* file = result.pending[i];
    auto statements = Json::array(), lint = Json::array();
    for (const auto& one : result.lint[i].findings) lint.push_back(finding_as_json(file->path, one));
    for (const auto& step : file->up)
      statements.push_back(
          {{"line", step.line}, {"sql", step.sql.text}, {"in_transaction", !step.sql.outside_transaction}});
    pending.push_back({{"id", file->id},
                       {"file", file->path},
                       {"transactional", file->transactional},
                       {"role", file->role},
                       {"risk", file->risk},
                       {"reversible", !file->down.empty()},
                       {"statements", statements},
                       {"lint", lint}});
  }
  for (const auto& row : result.done)
    done.push_back({{"id", row.id},
                    {"name", row.name},
                    {"action", to_string(row.action)},
                    {"duration_ms", row.duration_ms},
                    {"hash", row.hash}});
  return {{"schema", "pgtend/v1"},
          {"server", result.server},
          {"database", result.database},
          {"items", items},
          {"pending", pending},
          {"done", done},
          {"drift", result.drift},
          {"chain", {{"ok", result.broken_chain.empty()}, {"reason", result.broken_chain}}},
          {"obstacle", result.obstacle ? Json(result.obstacle->describe()) : Json()},
          {"failure", result.failure ? Json(result.failure->describe()) : Json()}};
}

void show_status(const MigrateResult& result) {
  Table table({"MIGRATION", "STATE", "APPLIED", "BY", "DETAIL"});
  for (const auto& item : result.items)
    table.add({item.id.starts_with("R__") ? item.id : item.id + "__" + item.name, std::string(to_string(item.state)),
               item.applied_at ? short_time(to_rfc3339(*item.applied_at)) : "", item.applied_by, item.detail});
  print(table.empty() ? "no migrations\n" : table.render());
  if (!result.pending.empty()) print(std::to_string(result.pending.size()) + " to apply: pgtend migrate up\n");
}

void show_plan(const MigrateResult& result) {
  for (std::size_t i = 0; i < result.pending.size(); ++i) {
    const auto* file = result.pending[i];
    print(file->path + (file->transactional ? ": one transaction" : ": statement by statement") +
          (file->role.empty() ? "" : ", as " + file->role) + (file->risk.empty() ? "" : ", risk " + file->risk) +
          (file->down.empty() && !file->repeatable ? ", no way back" : "") + "\n");
    for (const auto& step : file->up)
      print("  " + std::to_string(step.line) + (step.sql.outside_transaction ? " (outside a transaction)" : "") + ": " +
            step.sql.text + "\n");
    for (const auto& one : result.lint[i].findings)
      if (one.severity != Severity::info) show_finding(file->path, one);
  }
  if (result.pending.empty() && !result.obstacle) print("nothing to apply\n");
}

// Ends a subcommand: its failure, or what `show` prints.
void finish(Context& context, const std::optional<MigrateResult>& result,
            const std::function<void(const MigrateResult&)>& show) {
  if (!result) return;
  if (context.json()) print(as_json(*result).dump(2) + "\n");
  if (!context.json() && (!result->failure || !result->done.empty())) show(*result);
  if (result->failure) report(context, *result->failure);
}

void show_done(const MigrateResult& result) {
  print(result.done.empty() ? "nothing to do\n" : std::to_string(result.done.size()) + " done\n");
}

void show_verify(Context& context, const MigrateResult& result) {
  std::vector<std::string> found;
  if (!result.broken_chain.empty()) found.push_back("history_drift: " + result.broken_chain);
  bool lost = !result.broken_chain.empty();
  for (const auto& item : result.items) {
    using migrate::State;
    lost = lost || item.state == State::lost;
    if (item.state != State::applied && item.state != State::baseline && item.state != State::pending)
      found.push_back(std::string(to_string(item.state)) + ": " + item.id + ": " + item.detail);
  }
  for (const auto& one : result.drift) found.push_back("object_drift: " + one);
  if (!found.empty()) context.exit_code = lost ? kCritical : kWarnings;
  if (context.json()) return;
  for (const auto& line : found) print(line + "\n");
  if (found.empty()) print("files, history and objects are as the migrations left them\n");
}

std::uint64_t version_of(const std::string& text, const char* option) {
  const auto version = migrate::parse_version(text);
  if (!version) throw CLI::ValidationError(option, "\"" + text + "\" is no version like V0007 or 7");
  return *version;
}

CLI::App* add(CLI::App& migrate, const char* name, const char* help, const AskedPtr& asked) {
  auto* command = migrate.add_subcommand(name, help);
  command->add_option("--dir", asked->folder, "folder of the migration files")->type_name("DIR");
  return command;
}

CLI::App* add_connecting(CLI::App& migrate, const char* name, const char* help, const AskedPtr& asked) {
  auto* command = add(migrate, name, help, asked);
  command->add_option("--dsn", asked->dsn, "server to connect to instead of the configured one, without a password")
      ->type_name("DSN");
  command->add_option("-d,--dbname", asked->database, "database instead of the configured one");
  return command;
}

void add_allow(CLI::App* command, const AskedPtr& asked) {
  const CLI::Validator known(
      [](const std::string& rule) {
        return migrations::find_rule(rule) != nullptr ? std::string() : "the lint has no rule " + rule;
      },
      "RULE");
  command->add_option("--allow", asked->allow, "rule of the lint that this run may break; may be given again")
      ->check(known);
}

void add_reading(CLI::App& migrate, Context& context, const AskedPtr& asked) {
  auto* status = add_connecting(migrate, "status", "every migration and its state", asked);
  status->callback([&context, asked] { finish(context, work(context, asked, {}), show_status); });
  auto* plan = add_connecting(migrate, "plan", "what up would run; runs nothing", asked);
  add_allow(plan, asked);
  plan->callback([&context, asked] {
    const auto result = work(context, asked, {});
    finish(context, result, show_plan);
    if (result && !result->failure && result->obstacle) report(context, *result->obstacle);
  });
  auto* verify = add_connecting(migrate, "verify", "name what differs in files, history and objects", asked);
  verify->callback([&context, asked] {
    MigrateJob job;
    job.kind = Kind::verify;
    const auto result = work(context, asked, std::move(job));
    if (result && !result->failure) show_verify(context, *result);
    finish(context, result, [](const MigrateResult&) {});
  });
}

void add_acting(CLI::App& migrate, Context& context, const AskedPtr& asked) {
  const auto add_wait = [asked](CLI::App* command) {
    command->add_option("--wait", asked->wait, "how long to wait for another runner; default 5m")
        ->type_name("DURATION");
  };
  auto* up = add_connecting(migrate, "up", "apply what is pending; goes on where a run was interrupted", asked);
  add_wait(up);
  add_allow(up, asked);
  up->add_option("--to", asked->to, "last version to apply")->type_name("VERSION");
  up->add_flag("--out-of-order", asked->out_of_order, "apply versions below the newest applied one too");
  up->callback([&context, asked] {
    MigrateJob job;
    job.kind = Kind::up;
    if (!asked->to.empty()) job.up.to = version_of(asked->to, "--to");
    job.up.out_of_order = asked->out_of_order;
    finish(context, work(context, asked, std::move(job)), show_done);
  });
  auto* down = add_connecting(migrate, "down", "take the newest migration back by its @down", asked);
  add_wait(down);
  auto* to = down->add_option("--to", asked->to, "take back everything above this version")->type_name("VERSION");
  down->add_option("--steps", asked->steps, "how many; default 1")->check(CLI::Range(1, 1'000'000))->excludes(to);
  down->callback([&context, asked] {
    MigrateJob job;
    job.kind = Kind::down;
    job.down.steps = asked->steps;
    if (!asked->to.empty()) job.down.to = version_of(asked->to, "--to");
    finish(context, work(context, asked, std::move(job)), show_done);
  });
  auto* baseline = add_connecting(migrate, "baseline", "note versions as there already, without running them", asked);
  add_wait(baseline);
  baseline->add_option("version", asked->to, "the last one")->required();
  baseline->callback([&context, asked] {
    MigrateJob job;
    job.kind = Kind::baseline;
    job.baseline = version_of(asked->to, "version");
    finish(context, work(context, asked, std::move(job)), show_done);
  });
}

}  // namespace

void add_migrate(CLI::App& app, Context& context) {
  auto* migrate = app.add_subcommand("migrate", "versioned changes of the schema: files, history, drift");
  migrate->require_subcommand(1);
  const auto asked = std::make_shared<Asked>();
  add_reading(*migrate, context, asked);
  add_acting(*migrate, context, asked);
  add_migrate_new(*migrate, context);
  add_migrate_lint(*migrate, context);
  add_migrate_adopt(*migrate, context);
}

}  // namespace pgtend::cli
