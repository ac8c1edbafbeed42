#include "agent/engine/migration_lint.hpp"

#include <algorithm>
#include <filesystem>

#include "agent/config/files.hpp"
#include "rules/sql/script.hpp"

namespace pgtend::engine {

namespace {

namespace fs = std::filesystem;

Result<std::vector<std::string>> scripts_below(const std::string& folder) {
  std::vector<std::string> out;
  std::error_code failure;
  fs::recursive_directory_iterator it(folder, failure);
  for (; !failure && it != fs::recursive_directory_iterator(); it.increment(failure))
    if (it->path().extension() == ".sql" && it->is_regular_file(failure)) out.push_back(it->path().string());
  if (failure) {
    const auto code = failure == std::errc::permission_denied ? Errc::permission : Errc::io;
    return fail(code, "cannot read the folder " + folder + ": " + failure.message());
  }
  if (out.empty()) return fail(Errc::invalid_argument, "there is no *.sql in " + folder + " or below it");
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

Result<std::vector<LintedFile>> lint_files(const std::vector<std::string>& paths,
                                           const migrations::LintOptions& options) {
  std::vector<std::string> files;
  for (const auto& path : paths) {
    std::error_code ignored;
    if (!fs::is_directory(path, ignored)) {
      files.push_back(path);
      continue;
    }
    auto found = scripts_below(path);
    if (!found) return fail(std::move(found.error()));
    files.insert(files.end(), found->begin(), found->end());
  }
  std::vector<LintedFile> out;
  for (const auto& file : files) {
    const auto text = config::read_text(file, sql::kMaxScriptBytes);
    if (!text) return fail(text.error());
    out.push_back({file, migrations::lint(*text, options, file)});
  }
  return out;
}

std::vector<LintedFile> lint_for_server(const std::vector<const migrate::MigrationFile*>& files, int version_num) {
  const migrations::LintOptions options{
      std::clamp(version_num / 10'000, migrations::kOldestServer, migrations::kNewestServer)};
  std::vector<LintedFile> out;
  for (const auto* file : files) {
    auto findings = migrations::lint(file->text, options, file->path);
    // The runner sets one for every file.
    std::erase_if(findings, [](const auto& one) { return one.rule == "lock-timeout-missing"; });
    out.push_back({file->path, std::move(findings)});
  }
  return out;
}

Result<void> accept_lint(const std::vector<LintedFile>& files, const std::vector<std::string>& allow) {
  std::string out;
  for (const auto& file : files)
    for (const auto& one : file.findings)
      if (one.severity == Severity::critical && std::find(allow.begin(), allow.end(), one.rule) == allow.end())
        out += "\n  " + file.file + ":" + std::to_string(one.line) + ": " + one.rule + ": " + one.subject + ": " +
               one.causes;
  if (out.empty()) return {};
  return fail(Errc::refused,
              "nothing is applied, because of what it would block or break:" + out +
                  "\n  the safe forms: pgtend migrate plan; or allow one: a comment \"-- lint: allow RULE: "
                  "REASON\" before the statement, or --allow RULE for this run");
}

}  // namespace pgtend::engine
