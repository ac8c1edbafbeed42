#include "agent/net/task.hpp"

namespace pgtend::net {

Task<void> run_job_on(asio::any_io_executor executor, std::function<void()> job) {
  auto origin = co_await asio::this_coro::executor;
  auto initiate = [executor, origin](auto handler, std::function<void()> work) {
    asio::post(executor, [origin, handler = std::move(handler), work = std::move(work)]() mutable {
      work();
      // What the job owns ends on the thread that ran it.
      work = nullptr;
      asio::post(origin, [handler = std::move(handler)]() mutable { std::move(handler)(); });
    });
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(initiate, asio::use_awaitable, std::move(job));
}

Task<void> sleep_until(Deadline deadline) {
  auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, deadline);
  co_await timer.async_wait(as_values);
}

}  // namespace pgtend::net
