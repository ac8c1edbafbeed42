#pragma once

#include <string_view>
#include <vector>

#include "agent/config/config_error.hpp"

namespace pgtend::config {

// Where a text stops being UTF-8: the first place of each line, columns counted in bytes, as everywhere. Empty: all of
// it is.
[[nodiscard]] std::vector<Position> not_utf8(std::string_view text);

}  // namespace pgtend::config
