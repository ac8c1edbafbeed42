#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "agent/model/notification.hpp"

namespace pgtend::alerts {

// Firing ones first, the oldest first, so that what is cut off is what matters least. `truncated`: how many were.
[[nodiscard]] std::vector<NotifiedAlert> in_order(const std::map<std::uint64_t, NotifiedAlert>& content,
                                                  int& truncated);

}  // namespace pgtend::alerts
