#include "agent/net/task.hpp"

namespace pgtend::net {

Task<void> sleep_until(Deadline deadline) {
  auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, deadline);
  co_await timer.async_wait(as_values);
}

}  // namespace pgtend::net
