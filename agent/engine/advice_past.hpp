#pragma once

#include <string>
#include <vector>

#include "agent/model/change.hpp"
#include "agent/model/policy.hpp"
#include "rules/advisors/options.hpp"

namespace pgtend::engine {

// Tells the advisors what `changes` mean for their advice on `database`: which recommendations rest after an undo, by
// policy's cool-down, and which indexes are on their way.
void add_past(advisors::AdvisorOptions& options, const std::vector<Change>& changes, const std::string& database,
              const PolicyConfig& policy, const PolicyPast& past, UtcTime now);

}  // namespace pgtend::engine
