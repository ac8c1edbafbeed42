#pragma once

#include <string>

#include "agent/model/policy.hpp"

// Autonomy is bought by measured precision: what policy calls `auto` counts for a class only while its changes have
// shown that their predictions come true.
namespace pgtend::policy {

// Classes whose benefit is predicted before and measured after: indexes and settings of the whole server or a role.
[[nodiscard]] bool needs_record(ActionClass action);

// The lower end of Wilson's interval, one-sided 90 %, for the true share when `right` of `all` were right; 0 of none.
// REQUIRES: 0 <= right <= all.
[[nodiscard]] double wilson_lower_bound(int right, int all);

// Why `auto` does not count for this class now, in one sentence; empty: it does.
[[nodiscard]] std::string missing_trust(ActionClass action, const PolicyTrust& trust, const PolicyPast& past);

}  // namespace pgtend::policy
