#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "agent/engine/cost_account.hpp"
#include "agent/engine/parts.hpp"
#include "agent/model/snapshot.hpp"
#include "agent/pg/capabilities.hpp"
#include "collectors/host/backend_cpu.hpp"
#include "collectors/host/directories.hpp"

namespace pgtend::engine {

// What this host tells about the server that runs on it: the disks behind its directories, the CPU of its processes.
// A server on another host has neither, and its collectors say so. Files are read on the blocking pool.
// REQUIRES: io thread.
class ServerHost {
 public:
  ServerHost(Parts& parts, CostAccount& cost) : parts_(parts), cost_(cost) {}

  // Runs of the collectors `directories` and `backend_cpu`.
  net::Task<void> run_directories(std::shared_ptr<Snapshot> snapshot);
  net::Task<void> run_backend_cpu(std::shared_ptr<Snapshot> snapshot);
  // Empty: unknown, or on another host.
  [[nodiscard]] std::string data_directory() const;
  // `server_directories`: those of them that this user may not see; nothing while all can be seen.
  [[nodiscard]] const std::optional<pg::Capability>& capability() const { return capability_; }

 private:
  // Fills the snapshot with why there is no answer. nullopt: it is filled.
  net::Task<std::optional<RowSet>> ask(std::shared_ptr<Snapshot> snapshot, std::string sql);

  Parts& parts_;
  CostAccount& cost_;
  std::vector<collectors::ServerDirectory> directories_;
  Deadline directories_due_{};
  std::optional<pg::Capability> capability_;
  collectors::BackendCpuTally tally_;
};

}  // namespace pgtend::engine
