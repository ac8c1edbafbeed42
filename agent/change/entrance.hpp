#pragma once

#include <string>

#include "agent/change/core.hpp"

// Inside agent/change: how a change enters the pipeline and what people may do with it.
namespace pgtend::change {

net::TaskResult<Change> enter(CorePtr core, Recommendation recommendation, Decision decision);
// With what the catalogs know of it. Errors: what makes it unfit, and the lane's.
net::TaskResult<ProposedChange> complete_plan(CorePtr core, ProposedChange plan);
net::TaskResult<Change> enter_plan(CorePtr core, ProposedChange plan, std::string actor);
net::TaskResult<Change> approve_change(CorePtr core, std::string id, std::string plan_hash, std::string actor);
net::TaskResult<Change> reject_change(CorePtr core, std::string id, std::string reason, std::string actor);
net::TaskResult<Change> undo_change(CorePtr core, std::string id, std::string actor);

// A random version 4 UUID.
[[nodiscard]] std::string new_id();

}  // namespace pgtend::change
