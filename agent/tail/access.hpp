#pragma once

#include <string>

namespace pgtend::tail {

// What a person must do so that this process may read a file that it may not: one command or setting, for the case at
// hand.
[[nodiscard]] std::string cure_of_access(const std::string& path);

}  // namespace pgtend::tail
