#pragma once

#include <vector>

#include "agent/model/policy_report.hpp"
#include "agent/policy/policy.hpp"

namespace pgtend::policy {

// What a policy would have done with what was proposed since `from`: which changes it would have run by itself and
// when, which it would have left to a person, and at what cost. A pure replay: windows, budgets, cool-downs, undone
// changes and the record of each class are those that this policy would have seen. A change that would have run is
// taken to have ended as it did in truth; one that never ran, as kept at its estimated cost, its record untouched.
// `observing`: how long a measured change keeps its database to itself. `proposals` in the order of opened_at.
[[nodiscard]] PolicyBacktest backtest(const std::vector<PastProposal>& proposals, const PolicyConfig& config,
                                      UtcTime from, UtcTime to, Millis observing);

}  // namespace pgtend::policy
