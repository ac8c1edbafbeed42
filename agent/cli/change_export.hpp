#pragma once

#include "agent/cli/context.hpp"

namespace pgtend::cli {

// `pgtend changes export`: a change, or a recommendation, as a migration file.
void add_changes_export(CLI::App& changes, Context& context);

}  // namespace pgtend::cli
