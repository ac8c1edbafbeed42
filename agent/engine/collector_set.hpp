#pragma once

#include <string>
#include <vector>

#include "agent/config/config_error.hpp"
#include "agent/model/collector_def.hpp"

namespace pgtend::engine {

struct CollectorSet {
  std::vector<CollectorDef> defs;
  std::vector<config::ConfigError> errors;
  std::vector<std::string> refused;  // names of the user's files that are wrong
  bool listed = true;                // the user's directory could be read
};

// The collectors in the binary, code and data, and the user's files of a directory: one that says `replace: true` takes
// the place of ours with the same name, and one that is wrong fails alone. A missing directory is fine.
[[nodiscard]] CollectorSet load_collectors(const std::string& directory);

}  // namespace pgtend::engine
