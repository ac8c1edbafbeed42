#pragma once

#include <string_view>

#include "agent/config/config_error.hpp"

namespace pgtend::config {

// Where the byte `offset` of a scalar's value stands in the file's text: `at` is where the scalar was written, plain,
// quoted or as a block. `at` itself when the text cannot be followed that far (escapes of single characters).
[[nodiscard]] Position place_in(std::string_view text, Position at, std::string_view value, std::size_t offset);

}  // namespace pgtend::config
