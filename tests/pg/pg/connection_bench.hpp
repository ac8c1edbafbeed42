#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include "agent/pg/connection.hpp"
#include "tests/support/pg_cluster.hpp"
#include "tests/support/run_io.hpp"

// A server of its own with sessions that the agent's connection opens.
namespace pgtend::test {

inline Deadline in(int ms) {
  return std::chrono::steady_clock::now() + Millis(ms);
}

struct SessionBench {
  PgCluster cluster;
  IoWorld world;

  explicit SessionBench(PgClusterOptions options = {}) : cluster(std::move(options)) {}

  Result<std::unique_ptr<pg::Connection>> connect(pg::ConnectSpec spec) {
    return world.run(pg::Connection::connect(std::move(spec), world.blocking(), in(10'000)));
  }
  std::unique_ptr<pg::Connection> local() {
    pg::ConnectSpec spec;
    spec.parameters = cluster.parameters();
    auto connection = connect(spec);
    if (!connection) throw std::runtime_error(connection.error().describe());
    return std::move(*connection);
  }
  Result<RowSet> query(pg::Connection& connection, std::string sql, pg::Params params = {}, int ms = 10'000) {
    return world.run(connection.query(std::move(sql), std::move(params), in(ms)));
  }
};

}  // namespace pgtend::test
