#pragma once

#include "agent/net/task.hpp"

namespace pgtend::net {

enum class Ready { none, read, write };  // none: the deadline came first
enum class Until { read, write, either };

// Waits until a descriptor that someone else owns can be read or written. It is registered with the reactor only while
// this waits, because its owner (libpq) may close or replace it in between.
Task<Ready> wait_descriptor(int descriptor, Until until, Deadline deadline);

// run_on() with a deadline: nullopt when `work` did not finish in time; it still runs to its end on `executor`, so it
// must own (by value or shared_ptr) everything that it touches.
template <class Work>
Task<std::optional<std::invoke_result_t<Work>>> run_until(asio::any_io_executor executor, Work work,
                                                          Deadline deadline) {
  using Value = std::invoke_result_t<Work>;
  auto origin = co_await asio::this_coro::executor;
  auto slot = std::make_shared<std::optional<Value>>();
  auto timer = std::make_shared<asio::steady_timer>(origin, deadline);
  asio::post(executor, [origin, slot, timer, work = std::move(work)]() mutable {
    auto value = std::make_shared<Value>(work());
    // Moved, so that the timer is never released on the other thread.
    asio::post(origin, [slot = std::move(slot), timer = std::move(timer), value] {
      slot->emplace(std::move(*value));
      timer->expires_at(Deadline::min());
    });
  });
  co_await timer->async_wait(as_values);
  co_return std::move(*slot);
}

}  // namespace pgtend::net
