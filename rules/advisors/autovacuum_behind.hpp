#pragma once

#include "agent/model/advice.hpp"
#include "agent/model/facts.hpp"
#include "rules/advisors/options.hpp"

namespace pgtend::advisors {

// Tables whose dead tuples or changes stand above their own thresholds in both readings with no run in between: a
// VACUUM or ANALYZE now, and a smaller scale factor when the autovacuum runs but comes too late.
[[nodiscard]] Advice autovacuum_behind(const DatabaseFacts& before, const DatabaseFacts& now,
                                       const AdvisorOptions& options);

}  // namespace pgtend::advisors
