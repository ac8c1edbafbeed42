#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/change/core.hpp"

// Inside agent/change: how the server would run the target statements now.
namespace pgtend::change {

// JSON object of queryid -> verify/plan_shape.hpp of the heaviest of `targets`, in that order; generic plans, nothing
// is executed. An empty object where nothing could be asked: plans explain a verdict, they do not make it.
net::Task<std::string> capture_plans(CorePtr core, ProposedChange plan, std::vector<std::int64_t> targets);

}  // namespace pgtend::change
