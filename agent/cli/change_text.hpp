#pragma once

#include "agent/cli/context.hpp"

namespace pgtend::cli {

// A change in nine blocks: what, evidence, expected gain, cost, SQL, SQL back, policy, verification, timeline.
// `recommendation` is what it was made from; null when a person proposed it or it is forgotten.
[[nodiscard]] std::string change_text(const Json& change, const Json& recommendation);

}  // namespace pgtend::cli
