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

// Runs `work` on another executor (store thread, blocking pool) and resumes the caller on its own.
// `work` must not throw and must own, by value or shared_ptr, everything that it touches: the caller may be cancelled
// while it runs. An awaiting statement passes a named callable: `auto x = co_await run_on(executor, work);`.
// REQUIRES: the executor outlives the call.
template <class Work>
Task<std::invoke_result_t<Work>> run_on(asio::any_io_executor executor, Work work) {
  auto slot = std::make_shared<std::optional<std::invoke_result_t<Work>>>();
  auto owned = std::make_shared<Work>(std::move(work));
  std::function<void()> job = [slot, owned] { slot->emplace((*owned)()); };
  owned.reset();
  co_await run_job_on(std::move(executor), std::move(job));
  co_return std::move(**slot);
}

// Waits until an absolute deadline; returns early when the task is cancelled.
Task<void> sleep_until(Deadline deadline);

}  // namespace pgtend::net
