#pragma once

#include "agent/base/result.hpp"
#include "agent/model/snapshot.hpp"

namespace pgtend::engine {

// What a failure makes of a run.
[[nodiscard]] CollectStatus status_of(const Error& error);

}  // namespace pgtend::engine
