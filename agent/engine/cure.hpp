#pragma once

#include <string>

namespace pgtend::engine {

// The `grant` of a collector or check for the role that needs it: {role} becomes its quoted name.
[[nodiscard]] std::string cure_for(std::string grant, const std::string& role);

}  // namespace pgtend::engine
