#pragma once

#include <vector>

#include "agent/model/series.hpp"

namespace pgtend::engine {

// What the collector `self` measures: the agent's own cost, its history and its collectors.
[[nodiscard]] std::vector<MetricDef> self_metrics();

}  // namespace pgtend::engine
