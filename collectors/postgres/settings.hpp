#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collectors/rows_to_series.hpp"

// pg_settings_<name>[_bytes|_seconds] as postgres_exporter names them: name and unit come from the row, so no data
// column can say it.
namespace pgtend::collectors {

[[nodiscard]] std::string settings_sql();
[[nodiscard]] SeriesRun settings_series(const RowSet& rows, const ServerIdentity& identity, std::string_view database);

}  // namespace pgtend::collectors
