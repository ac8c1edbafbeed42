#pragma once

#include "agent/model/advice.hpp"
#include "agent/model/facts.hpp"
#include "rules/advisors/options.hpp"

namespace pgtend::advisors {

// Indexes with equal keys, operator classes, predicate and options, or whose keys another index starts with. Offers to
// drop the one that nothing depends on; says for every other why it stays.
[[nodiscard]] Advice duplicate_index(const DatabaseFacts& before, const DatabaseFacts& now,
                                     const AdvisorOptions& options);

}  // namespace pgtend::advisors
