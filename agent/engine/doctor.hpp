#pragma once

#include <string>
#include <vector>

#include "agent/config/config.hpp"
#include "agent/pg/capabilities.hpp"

namespace pgtend::engine {

struct DoctorRole {
  std::string user, purpose;  // "probe and sample lanes", "advise and act lanes"
  std::string error;          // why it cannot connect; empty: it can
  std::vector<pg::Capability> capabilities;
};

// A pooler or a cache, asked once.
struct DoctorNeighbour {
  std::string collector;  // "pgbouncer/edge"
  std::string version;
  std::string error;              // why it does not answer, with the cure; empty: it does
  std::vector<std::string> lost;  // figures that its version should tell and does not
};

struct DoctorReport {
  std::string server;  // "PostgreSQL 15.20, primary"; empty when nobody could connect
  std::vector<DoctorRole> roles;
  std::vector<DoctorNeighbour> neighbours;
};

// Connects as each configured role and asks what it may do, and each neighbour what its collector would. Never fails:
// what cannot be asked is in the report. REQUIRES: no running agent is needed; blocks for a few seconds at most.
[[nodiscard]] DoctorReport examine(const config::Config& config);

}  // namespace pgtend::engine
