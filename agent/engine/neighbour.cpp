#include "agent/engine/neighbour.hpp"

#include "collectors/pgbouncer/pgbouncer.hpp"
#include "collectors/redis/redis.hpp"

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
  for (const auto& cache : config.redis)
    out.push_back({cache, "redis", collector_name("redis", cache.name), "redis_up", Labels{{"cache", cache.name}},
                   cache.interval, cache.timeout});
  return out;
}

std::unique_ptr<Neighbour> make_neighbour(const NeighbourConfig& config, net::asio::any_io_executor blocking,
                                          const Clock& clock) {
  if (const auto* cache = std::get_if<config::RedisConfig>(&config)) return make_redis(*cache, blocking, clock);
  return make_pgbouncer(std::get<config::PgbouncerConfig>(config), blocking, clock);
}

std::vector<NeighbourMetric> neighbour_metrics() {
  std::vector<NeighbourMetric> out;
  for (auto& def : collectors::pgbouncer_metrics()) out.push_back({"pgbouncer", std::move(def)});
  for (auto& def : collectors::redis_metrics()) out.push_back({"redis", std::move(def)});
  return out;
}

}  // namespace pgtend::engine
