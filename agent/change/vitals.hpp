#pragma once

#include "agent/change/core.hpp"
#include "agent/change/verify/hard_trip.hpp"

// Inside agent/change: whether the server is in trouble.
namespace pgtend::change {

// Only reads. `is_local`: the data directory's disk can be looked at from here. Errors: the lane's.
net::TaskResult<Vitals> read_vitals(CorePtr core, ProposedChange plan, bool is_local);

}  // namespace pgtend::change
