#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "agent/base/clock.hpp"
#include "agent/net/wait.hpp"

namespace pgtend::engine {

// Jobs on the store thread for whoever must go on when its disk stalls: each is waited for a bounded time, and while
// one that is late has not ended, none at all.
// REQUIRES: io thread; the executor outlives it.
class StoreWait {
 public:
  // Source: a flush behind the writes of a checkpoint takes tenths of a second on a slow disk; what is told of an alert
  // may be late by two seconds, not by more.
  static constexpr std::chrono::seconds kPatience{2};
  // What becomes of a job that has not begun in time: it never runs, or it runs when its turn comes.
  enum class Late { never, later };

  StoreWait(net::asio::any_io_executor store, const Clock& clock) : store_(std::move(store)), clock_(clock) {}

  // nullopt: it did not end in time. One that had begun still ends, and nobody hears of it.
  template <class Work>
  net::Task<std::optional<std::invoke_result_t<Work&>>> run(Work work, Late late = Late::never) {
    using Value = std::invoke_result_t<Work&>;
    const bool waits = !is_stalled();
    if (!waits && late == Late::never) co_return std::nullopt;
    auto taken = std::make_shared<std::atomic<bool>>(false);
    auto job = [taken, work = std::move(work)]() mutable -> std::optional<Value> {
      if (taken->exchange(true)) return std::nullopt;
      return work();
    };
    const Deadline deadline = waits ? clock_.steady_now() + kPatience : Deadline::min();
    auto answer = co_await net::run_until(store_, std::move(job), deadline);
    if (answer) co_return std::move(*answer);
    if (late == Late::never) taken->exchange(true);
    if (waits) note_late();
    co_return std::nullopt;
  }

  // Whether the thread has not come back since a job was late.
  [[nodiscard]] bool is_stalled();

 private:
  void note_late();

  net::asio::any_io_executor store_;
  const Clock& clock_;
  std::shared_ptr<std::atomic<bool>> back_;  // set when the thread is through with what was late; nullptr: nothing was
};

}  // namespace pgtend::engine
