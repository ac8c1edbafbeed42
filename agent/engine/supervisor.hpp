#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/net/task.hpp"

namespace pgtend::engine {

// Owns every task of the process: each has a name, is restarted with backoff when it ends by an exception, and ends
// before stop() returns. `detached` tasks do not exist.
// REQUIRES: used on the io thread only; outlives its tasks.
class Supervisor {
 public:
  using TaskFactory = std::function<net::Task<void>()>;

  explicit Supervisor(net::asio::any_io_executor io) : io_(std::move(io)) {}

  // Runs the task until it returns. When it throws it is logged, counted, and started again after a pause that doubles
  // from 1 s to 60 s; a task that ran for over a minute starts from 1 s again.
  void spawn(std::string name, TaskFactory factory);
  // Cancels all tasks and waits until each has ended, at most until the deadline.
  // Result: names of those that had not ended.
  net::Task<std::vector<std::string>> stop(Deadline deadline);

  [[nodiscard]] bool stopping() const { return stopping_; }
  [[nodiscard]] std::size_t restarts() const { return restarts_; }
  [[nodiscard]] std::size_t running() const { return tasks_.size(); }

 private:
  struct Entry {
    std::string name;
    net::asio::cancellation_signal cancel;
  };

  net::Task<void> supervise(TaskFactory factory, std::string name);

  net::asio::any_io_executor io_;
  std::list<std::shared_ptr<Entry>> tasks_;
  bool stopping_ = false;
  std::size_t restarts_ = 0;
};

}  // namespace pgtend::engine
