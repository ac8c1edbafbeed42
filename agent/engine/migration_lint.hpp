#pragma once

#include <string>
#include <vector>

#include "agent/base/result.hpp"
#include "rules/migrations/lint.hpp"

namespace pgtend::engine {

struct LintedFile {
  std::string file;
  std::vector<migrations::MigrationFinding> findings;
};

// Looks through files, and through every *.sql of folders and of the folders below them, in the order of their names.
// Errors: not_found, permission, io, resource_exhausted (a file over 4 MB), invalid_argument (a folder without a
// *.sql).
[[nodiscard]] Result<std::vector<LintedFile>> lint_files(const std::vector<std::string>& paths,
                                                         const migrations::LintOptions& options);

}  // namespace pgtend::engine
