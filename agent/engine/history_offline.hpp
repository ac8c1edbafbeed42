#pragma once

#include <string>

#include "agent/model/history.hpp"
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

// What GET /v1/ash would answer, as its JSON, from a file. `by`: names of traits with commas between them; `step`: 0,
// no timeline. Errors: see store::sessions_offline, and invalid_argument for `by`.
[[nodiscard]] Result<std::string> active_sessions_offline(const std::string& path, TimeRange range,
                                                          const std::string& by, Millis step, std::size_t limit);

}  // namespace pgtend::engine
