#pragma once

#include <map>
#include <string>

#include "agent/base/result.hpp"

namespace pgtend::pg {

// libpq's keywords out of "host=… dbname=…" or "postgresql://…". Errors: invalid_argument (libpq cannot read it, or it
// holds a password, which every user of the machine could read in the list of processes), not retryable.
[[nodiscard]] Result<std::map<std::string, std::string>> parse_dsn(const std::string& dsn);

}  // namespace pgtend::pg
