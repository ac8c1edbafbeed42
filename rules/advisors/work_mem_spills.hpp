#pragma once

#include "agent/model/advice.hpp"
#include "agent/model/facts.hpp"
#include "rules/advisors/options.hpp"

namespace pgtend::advisors {

// Roles of which a few statements write temporary files on every call: ALTER ROLE ... SET work_mem, doubled, within
// bounds of memory.
[[nodiscard]] Advice work_mem_spills(const DatabaseFacts& before, const DatabaseFacts& now,
                                     const AdvisorOptions& options);

}  // namespace pgtend::advisors
