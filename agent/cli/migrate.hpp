#pragma once

#include "agent/cli/context.hpp"

namespace pgtend::cli {

// Below `migrate`.
void add_migrate_lint(CLI::App& migrate, Context& context);
void add_migrate_adopt(CLI::App& migrate, Context& context);

}  // namespace pgtend::cli
