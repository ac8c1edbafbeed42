#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "agent/engine/parts.hpp"
#include "agent/engine/supervisor.hpp"
#include "agent/http/client.hpp"
#include "agent/remote/sender.hpp"

namespace pgtend::engine {

// Runs one task per configured receiver of remote write; its cursor is in the ledger.
// REQUIRES: io thread; `parts` outlives it.
class RemoteWriting {
 public:
  // `metrics`: what is known of the metrics that are collected.
  RemoteWriting(Parts& parts, std::function<std::vector<MetricDef>()> metrics);

  // Starts a task for each receiver. REQUIRES: the supervisor outlives the tasks.
  void start(Supervisor& supervisor);
  // Follows a changed section `remote_write`: the tasks of the old one end before those of the new one begin.
  void reload();

 private:
  net::Task<void> run(std::string name, std::uint64_t generation);
  net::Task<void> pause(Millis time, std::uint64_t generation);
  [[nodiscard]] std::optional<remote::Target> target(const std::string& name) const;
  [[nodiscard]] remote::Doors doors(const std::string& name);
  net::TaskResult<std::optional<remote::Cursor>> load_cursor(std::string name);
  net::TaskResult<bool> save_cursor(std::string name, remote::Cursor cursor);
  void publish(const remote::Sender& sender);

  Parts& parts_;
  const std::function<std::vector<MetricDef>()> metrics_;
  http::Client client_;
  Supervisor* supervisor_ = nullptr;
  std::vector<config::RemoteWriteConfig> running_config_;
  std::uint64_t generation_ = 0;
  std::set<std::string> running_;
  std::map<std::string, remote::SenderCounts> published_;
};

}  // namespace pgtend::engine
