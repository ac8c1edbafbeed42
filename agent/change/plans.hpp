#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/change/core.hpp"

// Inside agent/change: how the server would run the target statements now.
namespace pgtend::change {

// JSON object of queryid -> verify/plan_shape.hpp of the heaviest of `targets`, in that order; generic plans, nothing
// is executed. An empty object where nothing could be asked: plans explain a verdict, they do not make it.
net::Task<std::string> capture_plans(CorePtr core, ProposedChange plan, std::vector<std::int64_t> targets);

// Of these statements and their normalised texts, the heaviest first: whether the change touches what the server would
// do for each now. Of a setting (not of a table) it does where the plan is another one under the new value. Those that
// cannot be explained are left out. Generic plans, nothing is executed; bounded in time and number.
net::Task<std::map<std::int64_t, bool>> touched_by_plan(CorePtr core, ProposedChange plan,
                                                        std::vector<std::pair<std::int64_t, std::string>> texts);

}  // namespace pgtend::change
