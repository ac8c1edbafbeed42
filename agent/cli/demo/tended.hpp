#pragma once

#include <filesystem>
#include <string>

#include "agent/base/result.hpp"
#include "agent/cli/context.hpp"
#include "agent/cli/demo/child.hpp"

namespace pgtend::cli::demo {

class Cluster;
class Sink;

// The agent as a child process with the demo's configuration, and the API as its only door.
class Tended {
 public:
  // Writes the configuration below `folder` and starts `pgtend run` with it; answers come once it is ready.
  // Errors: io, conflict.
  [[nodiscard]] static Result<Tended> start(const std::filesystem::path& folder, const Cluster& cluster,
                                            const Sink& sink);

  // As the approver whose token the demo made. Errors: those of the API.
  [[nodiscard]] Result<cli::Json> get(const std::string& path) const;
  [[nodiscard]] Result<cli::Json> post(const std::string& path, const cli::Json& body) const;

  [[nodiscard]] bool running() { return child_.running(); }
  [[nodiscard]] pid_t pid() const { return child_.pid(); }
  [[nodiscard]] const std::filesystem::path& config_file() const { return config_; }
  // "http://127.0.0.1:PORT"
  [[nodiscard]] const std::string& address() const { return context_.host; }
  [[nodiscard]] const std::filesystem::path& socket() const { return socket_; }
  [[nodiscard]] const std::string& token_file() const { return context_.token_file; }
  [[nodiscard]] const std::filesystem::path& log() const { return log_; }
  // Largest resident memory so far, bytes; 0 when unknown.
  [[nodiscard]] double peak_rss_bytes() const;
  // CPU used so far, seconds.
  [[nodiscard]] double cpu_seconds() const;

 private:
  Child child_;
  cli::Context context_;
  std::filesystem::path config_, socket_, log_;
};

}  // namespace pgtend::cli::demo
