#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/model/series.hpp"
#include "agent/model/snapshot.hpp"

// What pgBackRest says of its backups, from the text of `pgbackrest info --output=json`.
namespace pgtend::engine {

// Samples pgtend_backup_*: `written` is when the text was made. Errors: parse (no such text), not retryable.
[[nodiscard]] Result<std::vector<SeriesSample>> backup_samples(std::string_view info, UtcTime written);
[[nodiscard]] std::vector<MetricDef> backup_metrics();

// The same from a file, at most 16 MB of it. REQUIRES: blocking pool. Errors: io (the message says what writes it,
// retryable), parse.
[[nodiscard]] Result<std::vector<SeriesSample>> read_backups(const std::string& file);

}  // namespace pgtend::engine
