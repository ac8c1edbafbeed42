#pragma once

#include <span>
#include <vector>

#include "agent/model/collector_def.hpp"

namespace pgtend::collectors {

// What the metrics of `defs` mean, native and postgres_exporter names alike, sorted by name, each once: the HELP and
// TYPE of /metrics and the documentation. A native entry names its exporter twin; an exporter entry has source set as
// well.
[[nodiscard]] std::vector<MetricDef> metric_defs(std::span<const CollectorDef> defs);

}  // namespace pgtend::collectors
