#pragma once

#include "agent/cli/context.hpp"

namespace pgtend::cli {

// `pgtend changes propose`: a person's own plan, read from a file, waits for approval.
void add_changes_propose(CLI::App& changes, Context& context);

}  // namespace pgtend::cli
