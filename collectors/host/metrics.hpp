#pragma once

#include <span>
#include <string_view>

#include "agent/model/series.hpp"

namespace pgtend::collectors {

// One quantity of the machine: our name, node_exporter's (empty when it has none) and what it means.
struct HostMetric {
  std::string_view native, node;
  MetricKind kind;
  std::string_view unit, help, source;
};

[[nodiscard]] std::span<const HostMetric> host_metric_table();
// REQUIRES: `native` is in the table.
[[nodiscard]] const HostMetric& host_metric(std::string_view native);

}  // namespace pgtend::collectors
