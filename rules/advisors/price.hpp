#pragma once

#include <vector>

#include "rules/advisors/choose_indexes.hpp"
#include "rules/advisors/window.hpp"

// Inside rules/advisors: the two ways to a price.
namespace pgtend::advisors {

// From HypoPG's answers; statements with an error are left out.
[[nodiscard]] std::vector<Priced> price_by_answers(const IndexQuestions& questions,
                                                   const std::vector<WhatIfAnswer>& answers,
                                                   const std::vector<StatementDelta>& deltas);

// From statistics: sequential scans seen, rows, distinct values, and the planner's own default selectivities.
[[nodiscard]] std::vector<Priced> price_by_statistics(const IndexQuestions& questions, const DatabaseFacts& before,
                                                      const DatabaseFacts& now,
                                                      const std::vector<StatementDelta>& deltas);

}  // namespace pgtend::advisors
