#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "agent/model/facts.hpp"

// Inside rules/advisors: the difference between two readings, trusted only within one epoch of the statistics.
namespace pgtend::advisors {

struct StatementDelta {
  std::int64_t query_id = 0;
  std::string text;
  std::set<std::string> users;
  double calls = 0, rows = 0, exec_ms = 0, temp_blocks = 0, wal_bytes = 0;
  double share = 0;  // ratio of all statements' execution time in the window
};

struct TableDelta {
  double inserted = 0, updated = 0, deleted = 0, hot = 0;
  double seq_scans = 0, seq_rows = 0, idx_scans = 0;
  double vacuums = 0;  // manual and automatic
};

// Length of the window; 0 when there is none.
[[nodiscard]] double window_seconds(const DatabaseFacts& before, const DatabaseFacts& now);
// Why counters cannot be compared; empty when they can.
[[nodiscard]] std::string tables_incomparable(const DatabaseFacts& before, const DatabaseFacts& now);
[[nodiscard]] std::string statements_incomparable(const DatabaseFacts& before, const DatabaseFacts& now);

// Per query id over all users of this database, heaviest first, without those that were not called. A statement that
// the earlier reading does not know counts whole. Empty when incomparable. `by_user` keeps users apart.
[[nodiscard]] std::vector<StatementDelta> statement_deltas(const DatabaseFacts& before, const DatabaseFacts& now,
                                                           bool by_user = false);

// All zero when incomparable or when the earlier reading does not know the table.
[[nodiscard]] TableDelta table_delta(const DatabaseFacts& before, const DatabaseFacts& now, const TableFact& table);

// Rows of a table, whichever estimate is there.
[[nodiscard]] double table_rows(const TableFact& table);
[[nodiscard]] std::int64_t table_bytes(const TableFact& table);
inline constexpr std::int64_t kBlockBytes = 8192;

}  // namespace pgtend::advisors
