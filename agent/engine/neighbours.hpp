#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/engine/neighbour.hpp"
#include "agent/engine/parts.hpp"
#include "agent/model/collector_def.hpp"
#include "agent/model/snapshot.hpp"
#include "agent/pg/gate.hpp"

namespace pgtend::engine {

// The configured poolers and caches, each a collector of its own with its own session, deadline and breaker.
// REQUIRES: io thread.
class Neighbours {
 public:
  explicit Neighbours(Parts& parts) : parts_(parts) {}

  // Follows the configuration; one whose section did not change keeps its session.
  void load();
  [[nodiscard]] std::vector<CollectorDef> defs() const;
  [[nodiscard]] bool has(const std::string& collector) const { return places_.contains(collector); }
  // "pgbouncer" of "pgbouncer/edge"; a name that is no neighbour's comes back as it is.
  [[nodiscard]] std::string kind_of(const std::string& collector) const;

  // collect: what went wrong is the snapshot's status and detail; that it is away is a value as well.
  net::Task<void> run(std::shared_ptr<Snapshot> snapshot);

 private:
  struct Place {
    NeighbourSpec spec;
    std::unique_ptr<Neighbour> neighbour;
    pg::ConnectGate gate;
    std::set<std::string> reported;  // of what it lost, so that the log has it once
  };
  void report_lost(Place& place, const std::vector<std::string>& lost, Snapshot& snapshot) const;

  Parts& parts_;
  std::map<std::string, std::shared_ptr<Place>> places_;
};

}  // namespace pgtend::engine
