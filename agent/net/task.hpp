#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "agent/base/clock.hpp"
#include "agent/base/result.hpp"

namespace pgtend::net {

namespace asio = boost::asio;

template <class T>
using Task = asio::awaitable<T>;
template <class T>
using TaskResult = asio::awaitable<Result<T>>;

// Completion token of every awaited Asio operation: errors come back as values, never as exceptions.
inline constexpr auto as_values = asio::as_tuple(asio::use_awaitable);

// run_on() for a job without a value.
Task<void> run_job_on(asio::any_io_executor executor, std::function<void()> job);

// run_on() for a job of this type of value: one coroutine for all jobs that answer alike, since each costs time to
// compile.
template <class Value>
Task<Value> run_value_on(asio::any_io_executor executor, std::function<Value()> job) {
  auto slot = std::make_shared<std::optional<Value>>();
  std::function<void()> fill = [slot, job = std::move(job)] { slot->emplace(job()); };
  co_await run_job_on(std::move(executor), std::move(fill));
  co_return std::move(**slot);
}

// Runs `work` on another executor (store thread, blocking pool) and resumes the caller on its own.
// `work` must not throw and must own, by value or shared_ptr, everything that it touches: the caller may be cancelled
// while it runs. An awaiting statement passes a named callable: `auto x = co_await run_on(executor, work);`.
// REQUIRES: the executor outlives the call.
template <class Work>
Task<std::invoke_result_t<Work&>> run_on(asio::any_io_executor executor, Work work) {
  using Value = std::invoke_result_t<Work&>;
  if constexpr (std::is_copy_constructible_v<Work>) {
    return run_value_on<Value>(std::move(executor), std::function<Value()>(std::move(work)));
  } else {
    auto owned = std::make_shared<Work>(std::move(work));
    return run_value_on<Value>(std::move(executor), std::function<Value()>([owned] { return (*owned)(); }));
  }
}

// Waits until an absolute deadline; returns early when the task is cancelled.
Task<void> sleep_until(Deadline deadline);

}  // namespace pgtend::net
