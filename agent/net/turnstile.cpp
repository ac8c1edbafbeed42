#include "agent/net/turnstile.hpp"

#include <algorithm>

namespace pgtend::net {

// One place in the queue; it lives in the waiting coroutine and leaves the queue, or gives an unused turn back, when
// that coroutine is destroyed.
struct Turnstile::Waiter {
  Waiter(const asio::any_io_executor& executor, Deadline deadline, std::shared_ptr<State> owner)
      : timer(executor, deadline), state(std::move(owner)) {
    state->queue.push_back(this);
  }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() {
    if (granted)
      leave(*state);
    else
      std::erase(state->queue, this);
  }

  asio::steady_timer timer;
  std::shared_ptr<State> state;
  bool granted = false;
};

Turnstile::Permit& Turnstile::Permit::operator=(Permit&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

Turnstile::Permit::~Permit() {
  if (state_) leave(*state_);
}

Turnstile::Turnstile(std::size_t permits) : state_(std::make_shared<State>()) {
  state_->free = permits;
}

std::size_t Turnstile::waiting() const {
  return state_->queue.size();
}

void Turnstile::leave(State& state) {
  if (state.queue.empty()) {
    ++state.free;
    return;
  }
  Waiter* next = state.queue.front();
  state.queue.pop_front();
  next->granted = true;
  next->timer.expires_at(Deadline::min());
}

TaskResult<Turnstile::Permit> Turnstile::enter(Deadline deadline) {
  return wait_turn(state_, deadline);
}

TaskResult<Turnstile::Permit> Turnstile::wait_turn(std::shared_ptr<State> state, Deadline deadline) {
  if (state->free > 0) {
    --state->free;
    co_return Permit(state);
  }
  auto executor = co_await asio::this_coro::executor;
  Waiter waiter(executor, deadline, state);
  co_await waiter.timer.async_wait(as_values);
  if (!waiter.granted) co_return fail(Errc::timeout, "the turn did not come before the deadline", true);
  waiter.granted = false;
  co_return Permit(state);
}

}  // namespace pgtend::net
