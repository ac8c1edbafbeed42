#pragma once

#include <string>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/model/policy_report.hpp"
#include "agent/store/ledger.hpp"

namespace pgtend::engine {

// What the ledger knows of everything that advisors have proposed since a moment: each change that was made from a
// recommendation, and each recommendation that no change was made from. What persons proposed themselves is left out:
// policy does not decide whether that runs by itself. In the order of opened_at. REQUIRES: the store thread.
// Errors: those of the ledger.
[[nodiscard]] Result<std::vector<PastProposal>> past_proposals(store::Ledger& ledger, UtcTime since);

// The risk of a change: as noted when it was proposed, else medium.
[[nodiscard]] Risk noted_risk(const Change& change);

}  // namespace pgtend::engine
