#include "agent/net/wakeup.hpp"

namespace pgtend::net {

Task<void> Wakeup::wait_until(Deadline deadline) {
  // Forgets the timer also when the waiting coroutine is destroyed.
  struct Bed {
    asio::steady_timer*& sleeper;
    ~Bed() { sleeper = nullptr; }
  };
  if (!rung_) {
    auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor, deadline);
    Bed bed{sleeper_};
    sleeper_ = &timer;
    co_await timer.async_wait(as_values);
  }
  rung_ = false;
}

void Wakeup::ring() {
  rung_ = true;
  if (sleeper_ != nullptr) sleeper_->cancel();
}

}  // namespace pgtend::net
