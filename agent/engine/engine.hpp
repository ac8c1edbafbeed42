#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/base/result.hpp"
#include "agent/config/config.hpp"

namespace pgtend::engine {

struct EngineOptions {
  std::string version;
  std::string config_file;  // read again on SIGHUP; empty: defaults only
  // Test hook: called at named points of a change; empty in production.
  std::function<void(std::string_view point)> fault;
};

// Runs the agent until SIGTERM or SIGINT: opens the files, the lanes and the listeners, samples, watches, tends.
// SIGHUP reloads the configuration whole or not at all.
// Errors: io, conflict or config when history.db, the address or the socket cannot be had. Missing rights, a missing
// server or a missing ledger are no errors: the agent runs degraded and says so.
// REQUIRES: called once, from the main thread, with no other thread running but the log's.
[[nodiscard]] Result<void> run(const config::LoadedConfig& loaded, const EngineOptions& options);

}  // namespace pgtend::engine
