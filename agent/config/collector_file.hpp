#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config/config_error.hpp"
#include "agent/model/collector_def.hpp"

namespace pgtend::config {

struct CollectorFile {
  std::string name;                 // also of a file that is wrong
  std::optional<CollectorDef> def;  // set only when errors is empty
  std::vector<ConfigError> errors;
  bool names_interval = false;  // else collection.default_interval applies
};

// One collector as YAML; the keys are the fields of CollectorDef and CollectorColumn (scope: instance | database,
// cost: A | B | C, role: primary | standby, kind: gauge | counter, interval: "10s"). `name` defaults to the file's
// stem. Never throws; text over 4 MB or nested too deep is an error.
[[nodiscard]] CollectorFile decode_collector(std::string_view text, const std::string& file_name);

}  // namespace pgtend::config
