#pragma once

#include <string>
#include <vector>

#include "agent/model/advice.hpp"

// The statements that drain a DEFAULT partition. REQUIRES: the looked-up fields of the detail are filled.
namespace pgtend::change {

// One transaction each, one per range.
[[nodiscard]] std::vector<std::string> drain_statements(const PartitionChange& d);
// The rows of each partition back into the DEFAULT one, and the partition dropped; the last range first.
[[nodiscard]] std::vector<std::string> refill_statements(const PartitionChange& d);

}  // namespace pgtend::change
