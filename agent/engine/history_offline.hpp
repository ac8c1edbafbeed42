#pragma once

#include <string>

#include "agent/store/integrity.hpp"
#include "agent/store/recovery.hpp"

// What may be done to a history.db that no running agent uses. Both take the file's lock first and refuse with conflict
// while an agent holds it.
namespace pgtend::engine {

// See store::check_history_offline.
[[nodiscard]] Result<store::IntegrityReport> check_offline(const std::string& path);
// See store::recover_history.
[[nodiscard]] Result<store::RecoveryReport> recover_offline(const std::string& from, const std::string& to);

}  // namespace pgtend::engine
