#pragma once

#include <cstdint>
#include <string_view>

#include "agent/base/result.hpp"
#include "agent/store/series_index.hpp"
#include "agent/store/sqlite.hpp"

// Label pairs and series as rows of history.db; private to agent/store. A flipped bit in one of them would show samples
// under another's name or with another's values, so each has a check sum over all of its columns.
namespace pgtend::store {

inline constexpr const char* kPairColumns = "id, name, value, crc";
inline constexpr const char* kSeriesColumns =
    "id, scope, place, kind, first_seq, first_ms, last_seq, last_ms, pairs, crc";

// Whether a row of these columns says what was written.
[[nodiscard]] bool pair_is_sound(const Statement& row);
[[nodiscard]] bool series_is_sound(const Statement& row);

// Writes a row, or writes it anew. Errors: those of SQLite.
Result<void> put_pair(Database& db, const LabelPair& pair);
Result<void> put_series(Database& db, const IndexedSeries& series);

// Gives rows that were written without a check sum theirs, as they are. Errors: those of SQLite.
// REQUIRES: inside a transaction.
Result<void> sum_up_names(Database& db);

}  // namespace pgtend::store
