#pragma once

#include "agent/pg/error.hpp"
#include "agent/pg/lanes.hpp"
#include "tests/pg/pg/connection_bench.hpp"
#include "tests/support/catch.hpp"

namespace pgtend::test {

inline pg::LaneOptions options_for(const std::map<std::string, std::string>& parameters) {
  pg::LaneOptions options;
  options.monitor.parameters = parameters;
  return options;
}

struct Bench {
  SystemClock clock;
  IoWorld world;
  pg::Lanes lanes;

  explicit Bench(pg::LaneOptions options) : lanes(world.io(), world.blocking(), std::move(options), clock, 1) {}
  explicit Bench(const PgCluster& cluster) : Bench(options_for(cluster.parameters())) {}
  ~Bench() { world.run(lanes.close()); }

  Result<RowSet> query(pg::Lane lane, std::string sql, int ms = 3'000, std::string database = "") {
    return world.run(lanes.query(lane, std::move(database), "test", std::move(sql), {}, Millis(ms)));
  }
  Result<pg::Lease> lease(pg::Lane lane, std::string database = "") {
    return world.run(lanes.lease(lane, std::move(database), in(5'000)));
  }
  pg::LaneStatus status(pg::Lane lane) { return lanes.status()[static_cast<std::size_t>(lane)]; }
  // Asks once a step until the lane answers; how long that took.
  Millis until_answered(pg::Lane lane, Millis limit) {
    const auto begun = std::chrono::steady_clock::now();
    while (!query(lane, "SELECT 1", 500) && std::chrono::steady_clock::now() - begun < limit) {
    }
    return std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - begun);
  }
};

}  // namespace pgtend::test
