#pragma once

#include <string>

#include "agent/cli/context.hpp"

namespace pgtend::cli {

// The blocks of a plan for people: cost, lock, forward and reverse SQL.
[[nodiscard]] std::string plan_text(const Json& plan);
// The evidence of a finding, one line each, with units.
[[nodiscard]] std::string evidence_text(const Json& finding);
// "change ID is approved", and in a second line what it waits for.
[[nodiscard]] std::string state_text(const Json& change);
// Approves /v1/recommendations/ID or /v1/changes/ID. `hash` may be a prefix of at least 8 digits of the shown plan's
// hash; the full one is looked up, and another plan is refused.
void approve_plan(Context& context, const std::string& base, const std::string& id, const std::string& hash);

}  // namespace pgtend::cli
