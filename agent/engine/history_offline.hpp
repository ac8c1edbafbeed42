#pragma once

#include <string>

#include "agent/store/history_import.hpp"
#include "agent/store/integrity.hpp"
#include "agent/store/recovery.hpp"

// What may be done to a history.db that no running agent uses. All take the file's lock first and refuse with conflict
// while an agent holds it.
namespace pgtend::engine {

// See store::check_history_offline.
[[nodiscard]] Result<store::IntegrityReport> check_offline(const std::string& path);
// See store::recover_history.
[[nodiscard]] Result<store::RecoveryReport> recover_offline(const std::string& from, const std::string& to);

// Reads `file`, an export of pgtend or what somebody else wrote in that format (openmetrics, csv or jsonl), and see
// store::import_history. "-" is standard input. Errors: also not_found, and invalid_argument with file:line of what
// cannot be read.
[[nodiscard]] Result<store::ImportReport> import_offline(const std::string& file, const std::string& format,
                                                         const std::string& to, std::int64_t max_bytes);

}  // namespace pgtend::engine
