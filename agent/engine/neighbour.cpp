#include "agent/engine/neighbour.hpp"

#include "collectors/pgbouncer/pgbouncer.hpp"

namespace pgtend::engine {

namespace {

std::string collector_name(const std::string& kind, const std::string& name) {
  return name.empty() ? kind : kind + "/" + name;
}

}  // namespace

std::vector<NeighbourSpec> neighbour_specs(const config::Config& config) {
  std::vector<NeighbourSpec> out;
  for (const auto& pooler : config.pgbouncer)
    out.push_back({pooler, "pgbouncer", collector_name("pgbouncer", pooler.name), "pgbouncer_up",
                   Labels{{"pooler", pooler.name}}, pooler.interval, pooler.timeout});
  return out;
}

std::unique_ptr<Neighbour> make_neighbour(const NeighbourConfig& config, net::asio::any_io_executor blocking,
                                          const Clock& clock) {
  return make_pgbouncer(std::get<config::PgbouncerConfig>(config), std::move(blocking), clock);
}

std::vector<MetricDef> neighbour_metrics() {
  return collectors::pgbouncer_metrics();
}

}  // namespace pgtend::engine
