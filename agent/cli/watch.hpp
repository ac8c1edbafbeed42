#pragma once

#include <string>

#include "agent/cli/context.hpp"

namespace pgtend::cli {

// Follows a change until it is final: on a terminal one bar that never runs backwards, off it a line per 10 % or state,
// with -o json an event per line. Ctrl-C detaches and says so; the change goes on.
void watch_change(Context& context, const std::string& id);

}  // namespace pgtend::cli
