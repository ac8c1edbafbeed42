#pragma once

#include <string>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/change/migrate/file.hpp"
#include "rules/migrations/lint.hpp"

namespace pgtend::engine {

struct LintedFile {
  std::string file;
  std::vector<migrations::MigrationFinding> findings;
};

// Looks through files, and through every *.sql of folders and of the folders below them, in the order of their names.
// Errors: not_found, permission, io, resource_exhausted (a file over sql::kMaxScriptBytes), invalid_argument (a folder
// without a
// *.sql).
[[nodiscard]] Result<std::vector<LintedFile>> lint_files(const std::vector<std::string>& paths,
                                                         const migrations::LintOptions& options);

// The same for files that a server of this version (180001) shall run, in their order.
[[nodiscard]] std::vector<LintedFile> lint_for_server(const std::vector<const migrate::MigrationFile*>& files,
                                                      int version_num);
// Errors: refused, with each critical finding whose rule is not in `allow` on a line of its own.
[[nodiscard]] Result<void> accept_lint(const std::vector<LintedFile>& files, const std::vector<std::string>& allow);

}  // namespace pgtend::engine
