#include "agent/engine/migration_lint.hpp"

#include <algorithm>
#include <filesystem>

#include "agent/config/files.hpp"

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
    const auto text = config::read_text(file);
    if (!text) return fail(text.error());
    out.push_back({file, migrations::lint(*text, options, file)});
  }
  return out;
}

}  // namespace pgtend::engine
