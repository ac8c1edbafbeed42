#pragma once

#include <boost/asio/steady_timer.hpp>

#include "agent/net/task.hpp"

namespace pgtend::net {

// A sleep of one task that others may end. REQUIRES: used from the one I/O thread.
class Wakeup {
 public:
  // Waits until the deadline or a ring, also one since the last wait; returns early when the task is cancelled.
  Task<void> wait_until(Deadline deadline);
  void ring();

 private:
  bool rung_ = false;
  asio::steady_timer* sleeper_ = nullptr;
};

}  // namespace pgtend::net
