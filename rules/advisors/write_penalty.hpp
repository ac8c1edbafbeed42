#pragma once

#include <string>
#include <vector>

#include "rules/advisors/missing_index.hpp"
#include "rules/advisors/window.hpp"

// Inside rules/advisors: what an index costs the writers of its table.
namespace pgtend::advisors {

struct WritePenalty {
  double ms = 0;                      // of execution, in the window
  double hot_lost = 0;                // HOT updates of the window that would not be HOT any more
  double hot_share = 0;               // ratio of the table's updates that are HOT now
  std::vector<std::string> assigned;  // the index's columns that UPDATEs assign
};

// Charged by the columns that UPDATEs assign, never by the write rate: an index on other columns keeps updates HOT.
[[nodiscard]] WritePenalty write_penalty(const IndexCandidate& candidate, const TableDelta& delta,
                                         const TableWrites& writes, std::size_t indexes_now);

}  // namespace pgtend::advisors
