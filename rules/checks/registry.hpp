#pragma once

#include <span>

#include "agent/base/embedded.hpp"

namespace pgtend::embedded {

// The checks of rules/checks/*.yaml as shipped; decoded by agent/config/check_file.hpp.
[[nodiscard]] std::span<const EmbeddedFile> check_files();

}  // namespace pgtend::embedded
