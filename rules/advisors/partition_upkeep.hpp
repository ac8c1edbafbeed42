#pragma once

#include "agent/model/advice.hpp"
#include "agent/model/facts.hpp"
#include "rules/advisors/options.hpp"

namespace pgtend::advisors {

// Tables that are partitioned by range of one column of time, in even periods: partitions made ahead while rows come
// in, rows of a DEFAULT partition drained into partitions of their own, partitions detached that policy's retention
// says are too old. Nothing is ever dropped. The statements are left to the pipeline, which knows the catalogs.
// Quiet about what it cannot know: `refused` says why.
[[nodiscard]] Advice partition_upkeep(const DatabaseFacts& before, const DatabaseFacts& now,
                                      const AdvisorOptions& options);

}  // namespace pgtend::advisors
