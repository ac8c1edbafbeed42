#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "agent/model/collector_def.hpp"
#include "agent/model/rows.hpp"
#include "agent/model/snapshot.hpp"
#include "collectors/row_keys.hpp"

namespace pgtend::collectors {

// Rows of one collector that become series when it sets no max_series of its own.
// Source: 58,604 series from a database of 2,002 tables made one exporter's scrape 4.9 MB; 500 rows keep a family
// readable.
inline constexpr int kDefaultMaxRows = 500;

// How many rows of an answer become series.
[[nodiscard]] inline int row_quota(const CollectorDef& def) {
  return def.max_series > 0 ? def.max_series : kDefaultMaxRows;
}

// How many rows a statement with `{max_series}` shall give where `most` series are made of them: what it gives beyond
// would be read, sent and dropped. Fewer than row_quota() only of one that picks the rows with alerts first and says
// how many it left out.
[[nodiscard]] int rows_asked_for(const CollectorDef& def, int version, std::size_t most);

struct SeriesRun {
  std::vector<SeriesSample> samples;
  std::size_t rows = 0;        // of which these are
  std::size_t dropped = 0;     // rows beyond max_series; the statement orders them, so the first are the important ones
  std::size_t over = 0;        // series of the last row beyond `most`; the rows behind it are among the dropped
  std::size_t duplicates = 0;  // samples whose series was already there; the first one stays
};

// Turns an answer into series: value × scale under the native name and, when the column has one, value × exporter_scale
// under postgres_exporter's name with the same labels. Columns of unit seconds are quantised to whole microseconds
// (error at most 0.5 µs) under both names. NULL and text that is no number give no sample; a timestamp (ISO
// style with offset) gives Unix seconds. In a collector that folds, rows with the same labels are one: each column
// their sum or greatest, their epoch that of all of them. `database` becomes the label datname when the scope is
// database. `keys`, when given, are those of the last run of this collector on this database; what is still there is
// used again. `most` series are made, and the keys of no more kept.
[[nodiscard]] SeriesRun rows_to_series(const CollectorDef& def, const RowSet& rows, const ServerIdentity& identity,
                                       std::string_view database, RowKeys* keys = nullptr, std::size_t most = SIZE_MAX);

// The labels of the one row of this collector on this database that an alert with these labels is about; nullopt: they
// do not name one row.
[[nodiscard]] std::optional<Labels> row_named_by(const CollectorDef& def, std::string_view database,
                                                 const Labels& alert);

// Puts the rows with such labels before the others: limits cut what comes last.
void put_first(const CollectorDef& def, std::string_view database, const std::set<Labels>& wanted, RowSet& rows);

}  // namespace pgtend::collectors
