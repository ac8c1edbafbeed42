#include <algorithm>
#include <sstream>

#include "agent/cli/exit_codes.hpp"
#include "agent/cli/migrate.hpp"
#include "agent/engine/migration_lint.hpp"

namespace pgtend::cli {

namespace {

struct LintRequest {
  std::vector<std::string> paths;
  int server_version = migrations::LintOptions().server_version;
};

std::string indented(const std::string& text) {
  std::string out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out += "      " + line + "\n";
  return out;
}

}  // namespace

void show_finding(const std::string& file, const migrations::MigrationFinding& one) {
  std::string out = file + ":" + std::to_string(one.line) + ":" + std::to_string(one.column) + ": " +
                    std::string(to_string(one.severity)) + " " + one.rule + ": " + one.subject + "\n    " +
                    (one.lock == LockLevel::none ? "" : std::string(to_string(one.lock)) + ": ") + one.causes + "\n";
  if (!one.safe.empty()) out += "    instead:\n" + indented(one.safe);
  print(out);
}

Json finding_as_json(const std::string& file, const migrations::MigrationFinding& one) {
  return {{"file", file},
          {"line", one.line},
          {"column", one.column},
          {"rule", one.rule},
          {"severity", to_string(one.severity)},
          {"lock", to_string(one.lock)},
          {"subject", one.subject},
          {"causes", one.causes},
          {"safe", one.safe}};
}

namespace {

ExitCode code_of(Severity worst) {
  if (worst == Severity::critical) return kCritical;
  return worst == Severity::warning ? kWarnings : kOk;
}

void lint(Context& context, const LintRequest& request) {
  const auto linted = engine::lint_files(request.paths, {request.server_version});
  if (!linted) return report(context, linted.error());
  auto items = Json::array();
  auto worst = Severity::info;
  for (const auto& file : *linted) {
    for (const auto& one : file.findings) {
      worst = std::max(worst, one.severity);
      items.push_back(finding_as_json(file.file, one));
      if (!context.json()) show_finding(file.file, one);
    }
  }
  context.exit_code = code_of(worst);
  if (context.json()) {
    print(Json{{"schema", "pgtend/v1"},
               {"server_version", request.server_version},
               {"files", linted->size()},
               {"items", items}}
              .dump(2, ' ', false, Json::error_handler_t::replace) +
          "\n");
  } else {
    print(std::to_string(linted->size()) + " files, " +
          (items.empty() ? "nothing found" : std::to_string(items.size()) + " findings") + ", for PostgreSQL " +
          std::to_string(request.server_version) + " and later\n");
  }
}

}  // namespace

void add_migrate_lint(CLI::App& migrate, Context& context) {
  auto request = std::make_shared<LintRequest>();
  auto* command = migrate.add_subcommand(
      "lint", "what migration files would block, rewrite or break, and the safe form; exit 3 or 4 when they would");
  command->add_option("paths", request->paths, "SQL files, or folders of them")->required();
  command->add_option("--server-version", request->server_version, "oldest major they will run on (default: 13)")
      ->check(CLI::Range(migrations::kOldestServer, migrations::kNewestServer));
  command->callback([&context, request] { lint(context, *request); });
}

}  // namespace pgtend::cli
