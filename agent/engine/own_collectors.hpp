#pragma once

#include <string>
#include <vector>

#include "agent/model/series.hpp"

namespace pgtend::engine {

// A collector that is no statement: it reads the host, the agent itself, or what the server's sessions and files tell.
struct OwnCollector {
  std::string name;
  std::vector<MetricDef> metrics;
};

// All of them, whether the configuration has them run or not: their names and metrics are nobody else's.
[[nodiscard]] std::vector<OwnCollector> own_collectors();

}  // namespace pgtend::engine
