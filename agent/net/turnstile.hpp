#pragma once

#include <cstddef>
#include <list>
#include <memory>

#include "agent/net/task.hpp"

namespace pgtend::net {

// Lets a fixed number in at a time, strictly first come first served, each waiting no longer than its deadline.
// REQUIRES: used from the one I/O thread.
class Turnstile {
  struct State;

 public:
  // Held while inside; leaving (destruction) lets the next one in.
  class Permit {
   public:
    Permit() = default;
    Permit(Permit&&) noexcept = default;
    Permit& operator=(Permit&& other) noexcept;
    ~Permit();

   private:
    friend class Turnstile;
    explicit Permit(std::shared_ptr<State> state) : state_(std::move(state)) {}
    std::shared_ptr<State> state_;
  };

  explicit Turnstile(std::size_t permits);
  // Errors: timeout (retryable) when the turn did not come before `deadline`.
  TaskResult<Permit> enter(Deadline deadline);
  [[nodiscard]] std::size_t waiting() const;

 private:
  struct Waiter;
  struct State {
    std::size_t free = 0;
    std::list<Waiter*> queue;
  };
  static void leave(State& state);
  static TaskResult<Permit> wait_turn(std::shared_ptr<State> state, Deadline deadline);

  std::shared_ptr<State> state_;
};

}  // namespace pgtend::net
