#pragma once

#include <string>
#include <vector>

#include "agent/model/advice.hpp"

// The statements that drain a DEFAULT partition. REQUIRES: the looked-up fields of the detail are filled.
namespace pgtend::change {

// One per range, which moves its next part: rows below the bound in the setting pgtend.bound, or its partition grown to
// that bound. In pgtend.locked_ms it leaves how long it held the lock.
[[nodiscard]] std::vector<std::string> drain_statements(const PartitionChange& d);
// The rows of each partition from pgtend.bound on back into the DEFAULT one; all of them, and the partition dropped,
// when it is empty. The last range first.
[[nodiscard]] std::vector<std::string> refill_statements(const PartitionChange& d);

}  // namespace pgtend::change
