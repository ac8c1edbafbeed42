#pragma once

#include "agent/change/kinds/kind.hpp"
#include "agent/model/advice.hpp"

namespace pgtend::change {

// Every kind of change there is. A new kind: one file beside this one, one line in the .cpp, one test.
[[nodiscard]] const Kind& kind_of(const ProposedChange& plan);

}  // namespace pgtend::change
