#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/config/config_error.hpp"
#include "agent/model/collector_def.hpp"

namespace pgtend::config {

struct CheckFile {
  std::vector<CheckDef> checks;  // complete only when errors is empty
  std::vector<ConfigError> errors;
};

// One check, or a list of them under `checks:`; the keys are the fields of CheckDef (severity: info | warning |
// critical). `name` of a single check defaults to the file's stem. Never throws.
[[nodiscard]] CheckFile decode_check(std::string_view text, const std::string& file_name);

}  // namespace pgtend::config
