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

struct DoctorReport {
  std::string server;  // "PostgreSQL 15.20, primary"; empty when nobody could connect
  std::vector<DoctorRole> roles;
};

// Connects as each configured role and asks what it may do. Never fails: what cannot be asked is in the report.
// REQUIRES: no running agent is needed; blocks for a few seconds at most.
[[nodiscard]] DoctorReport examine(const config::PostgresqlConfig& config);

}  // namespace pgtend::engine
