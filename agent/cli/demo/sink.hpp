#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/base/result.hpp"

namespace pgtend::cli::demo {

// One alert as it arrived in a webhook message.
struct Received {
  UtcTime at;
  std::string alertname, status, summary;  // status: firing, resolved
  std::string starts_at, ends_at;
};

// The receiver of the agent's webhook: a small HTTP server on a thread of its own.
class Sink {
 public:
  // Errors: conflict, io.
  [[nodiscard]] static Result<Sink> start();
  Sink(Sink&&) noexcept;
  ~Sink();

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::string url() const;
  // All that has arrived, oldest first. Any thread.
  [[nodiscard]] std::vector<Received> received() const;

 private:
  struct State;
  explicit Sink(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace pgtend::cli::demo
