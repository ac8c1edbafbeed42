#pragma once

#include "agent/model/advice.hpp"
#include "agent/model/facts.hpp"
#include "rules/advisors/options.hpp"

namespace pgtend::advisors {

// Indexes that no scan touched for the whole window of the statistics, and that enforce or support nothing.
[[nodiscard]] Advice unused_index(const DatabaseFacts& before, const DatabaseFacts& now, const AdvisorOptions& options);

}  // namespace pgtend::advisors
