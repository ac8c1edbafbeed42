#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.hpp"

namespace pgtend::change {

// A row of pg_settings, as far as a value is checked against it.
struct SettingBounds {
  std::string name, vartype, unit, context;  // vartype: bool, enum, integer, real, string
  std::string min_value, max_value;
  std::vector<std::string> enum_values;
};

// A value in the setting's base unit ("64MB" of a kB setting is 65536); nullopt when it is no number of that unit.
[[nodiscard]] std::optional<double> in_base_unit(std::string_view value, std::string_view unit);

// Errors: invalid_argument (wrong type, unit or out of bounds), refused (a memory setting that could take more of the
// host's memory than one setting may). `ram_bytes` 0: not known, not checked.
[[nodiscard]] Result<void> check_value(const SettingBounds& bounds, std::string_view value, std::int64_t ram_bytes);

// "64MB" and "65536" (kB), "on" and "true", "0.10" and "0.1" are the same.
[[nodiscard]] bool same_value(std::string_view a, std::string_view b, std::string_view unit);

}  // namespace pgtend::change
