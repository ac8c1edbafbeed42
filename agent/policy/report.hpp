#pragma once

#include "agent/model/policy_report.hpp"
#include "agent/policy/policy.hpp"

// What a person wants to know of a policy before it acts. Pure, as the rest of this folder.
namespace pgtend::policy {

// The policy as it binds now: modes, windows with their next opening, budgets with what is spent, objects that rest.
[[nodiscard]] PolicyReport report(const PolicyConfig& config, const PolicyPast& past, UtcTime now);

// What decide() says of this change, each limit on its own, and when the change could run by itself.
[[nodiscard]] PolicySimulation simulate(const ProposedChange& change, Risk risk, const PolicyConfig& config,
                                        const PolicyPast& past, UtcTime now);

// A change of this class without statements of its own, to ask policy about: coherent, and with a way back.
[[nodiscard]] ProposedChange sketch(ActionClass action, const std::string& database, const std::string& object);

}  // namespace pgtend::policy
