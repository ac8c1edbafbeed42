#include "collectors/metric_defs.hpp"

#include <map>

namespace pgtend::collectors {

std::vector<MetricDef> metric_defs(std::span<const CollectorDef> defs) {
  std::map<std::string, MetricDef> by_name;
  for (const auto& def : defs) {
    for (const auto& column : def.columns) {
      if (!column.metric.empty())
        by_name.try_emplace(column.metric, MetricDef{column.metric, column.kind, column.unit, column.help, def.source,
                                                     column.exporter_name});
      if (column.exporter_name.empty()) continue;
      // Where the exporter kept the server's unit (milliseconds), the base unit would be a lie.
      const bool same_unit = column.scale == column.exporter_scale;
      by_name.try_emplace(column.exporter_name,
                          MetricDef{column.exporter_name,
                                    column.kind,
                                    same_unit ? column.unit : std::string(),
                                    same_unit ? column.help : column.help + " In the server's own unit.",
                                    def.source,
                                    {}});
    }
  }
  std::vector<MetricDef> out;
  out.reserve(by_name.size());
  for (auto& [name, metric] : by_name) out.push_back(std::move(metric));
  return out;
}

}  // namespace pgtend::collectors
