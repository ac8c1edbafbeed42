#pragma once

#include "agent/model/routing.hpp"

namespace pgtend {

// Whether it has begun and neither its time is over nor somebody ended it.
[[nodiscard]] bool is_active(const Silence& silence, UtcTime now);

}  // namespace pgtend
