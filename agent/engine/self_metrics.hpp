#pragma once

#include <vector>

#include "agent/model/series.hpp"

namespace pgtend::engine {

// What the collector `self` measures: the agent's own cost, its history and its collectors.
[[nodiscard]] std::vector<MetricDef> self_metrics();

// Until when the certificate of a peer is valid: "postgresql", or the collector of a neighbour.
[[nodiscard]] SeriesSample certificate_sample(const std::string& peer, UtcTime not_after);

}  // namespace pgtend::engine
