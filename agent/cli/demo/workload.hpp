#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "agent/base/result.hpp"

namespace pgtend::cli::demo {

class Cluster;

struct WorkloadCounts {
  std::uint64_t statements = 0, errors = 0;
  int clients = 0;
};

// The shop's clients, each a thread with a connection of its own: a web front that looks things up by primary key (the
// control group), a support desk that looks for a customer's orders without an index, a warehouse that counts its stock
// down, a checkout, and a dashboard that reads the materialized view. The traffic swells and ebbs within a minute.
class Workload {
 public:
  // Errors: unavailable.
  [[nodiscard]] static Result<Workload> start(const Cluster& cluster);
  Workload(Workload&&) noexcept;
  // Ends all clients and waits for them.
  ~Workload();

  [[nodiscard]] WorkloadCounts counts() const;

 private:
  struct State;
  explicit Workload(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace pgtend::cli::demo
