#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "agent/config/settings.hpp"
#include "agent/model/series.hpp"
#include "agent/net/task.hpp"

namespace pgtend::engine {

struct NeighbourAnswer {
  std::vector<SeriesSample> samples;
  std::string version;
  std::vector<std::string> lost;                 // what its version should have told and did not
  std::optional<UtcTime> certificate_not_after;  // of the session's TLS
};

// A program beside the server that is asked over a session of its own: a pooler or a cache.
// REQUIRES: io thread, one ask() at a time.
class Neighbour {
 public:
  virtual ~Neighbour() = default;
  // Asks everything, in the session that is open or in a new one. Errors: unavailable, timeout, permission (a wrong
  // password, a right that is missing; the message names the cure), config, refused, parse (a malformed answer).
  virtual net::TaskResult<NeighbourAnswer> ask(Deadline deadline) = 0;
  // Ends the session; the next ask() opens another.
  virtual void hang_up() = 0;
};

using NeighbourConfig = std::variant<config::PgbouncerConfig, config::RedisConfig>;

// What the engine knows of a neighbour without asking it.
struct NeighbourSpec {
  NeighbourConfig config;
  std::string kind;       // "pgbouncer" or "redis"
  std::string collector;  // "pgbouncer", or with the configured name "pgbouncer/edge"
  std::string up_metric;
  Labels labels;  // of up_metric
  Millis interval{0}, timeout{0};
};

// Every configured neighbour, in the order of the configuration.
[[nodiscard]] std::vector<NeighbourSpec> neighbour_specs(const config::Config& config);
// REQUIRES: `blocking` and `clock` outlive it.
[[nodiscard]] std::unique_ptr<Neighbour> make_neighbour(const NeighbourConfig& config,
                                                        net::asio::any_io_executor blocking, const Clock& clock);
[[nodiscard]] std::unique_ptr<Neighbour> make_pgbouncer(const config::PgbouncerConfig& config,
                                                        net::asio::any_io_executor blocking, const Clock& clock);
[[nodiscard]] std::unique_ptr<Neighbour> make_redis(const config::RedisConfig& config,
                                                    net::asio::any_io_executor blocking, const Clock& clock);
// What their metrics mean.
struct NeighbourMetric {
  std::string kind;  // of the neighbour that makes it
  MetricDef def;
};
[[nodiscard]] std::vector<NeighbourMetric> neighbour_metrics();

}  // namespace pgtend::engine
