#pragma once

#include <map>

#include "agent/model/advice.hpp"
#include "agent/model/facts.hpp"
#include "rules/advisors/options.hpp"

namespace pgtend::advisors {

// What is remembered of one materialized view between two readings.
struct MatviewPast {
  UtcTime last_refresh;                     // or when it was first seen
  bool refresh_seen = false;                // false: last_refresh is only the first sight
  std::int64_t base_writes_at_refresh = 0;  // rows, summed over the base tables
  std::int64_t reads_at_refresh = 0;
  double duration_seconds = 0;  // of the last refresh of ours; 0 unknown
  std::uint64_t epoch = 0;      // of the database's statistics
  Oid relfilenode = 0;
  std::int64_t own_writes = 0;
  std::int64_t base_writes_seen = 0;  // at the last reading
};
using MatviewPasts = std::map<Oid, MatviewPast>;

// The next memory: takes first sights in, notices refreshes (ours or anybody's, by relfilenode and own writes), starts
// again after a statistics reset. Call once per reading of facts, before stale_matview.
[[nodiscard]] MatviewPasts remember_matviews(MatviewPasts past, const DatabaseFacts& now);

// Marks a refresh of ours that took `duration_seconds` and ended at `at`: CONCURRENTLY without a difference leaves no
// trace that remember_matviews could see.
void note_refresh(MatviewPasts& past, Oid matview, UtcTime at, double duration_seconds);

// Views whose base tables changed, that are read, and that are older or further behind than allowed, in the order of
// their dependencies.
[[nodiscard]] Advice stale_matview(const DatabaseFacts& before, const DatabaseFacts& now, const MatviewPasts& past,
                                   const AdvisorOptions& options);

}  // namespace pgtend::advisors
