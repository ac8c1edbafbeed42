#pragma once

#include <string>

#include "agent/config/config.hpp"

namespace pgtend::engine {

// The configuration as the agent takes it: what config::load() finds wrong, and names that nothing here bears
// (collectors of the binary and of collection.directory, advisors). An empty `file`: the defaults.
[[nodiscard]] config::LoadedConfig load_config(const std::string& file);

// Adds an error for each such name, at its place.
void check_names(config::LoadedConfig& loaded);

}  // namespace pgtend::engine
