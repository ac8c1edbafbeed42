#include "agent/net/breaker.hpp"

namespace pgtend::net {

std::string_view to_string(BreakerState state) {
  switch (state) {
    case BreakerState::closed:
      return "closed";
    case BreakerState::open:
      return "open";
    case BreakerState::half_open:
      return "half_open";
  }
  return "closed";
}

BreakerState Breaker::state() const {
  if (!open_) return BreakerState::closed;
  return clock_.steady_now() < retry_at_ ? BreakerState::open : BreakerState::half_open;
}

bool Breaker::try_pass() {
  switch (state()) {
    case BreakerState::closed:
      return true;
    case BreakerState::open:
      return false;
    case BreakerState::half_open:
      break;
  }
  if (trial_running_) return false;
  trial_running_ = true;
  return true;
}

void Breaker::success() {
  open_ = false;
  trial_running_ = false;
  recent_.clear();
}

void Breaker::failure(Millis retry_after) {
  const auto now = clock_.steady_now();
  recent_.push_back(now);
  while (!recent_.empty() && now - recent_.front() > limits_.window) recent_.pop_front();
  const bool trial_failed = open_;
  if (trial_failed || static_cast<int>(recent_.size()) >= limits_.failures) trip(retry_after);
}

void Breaker::trip(Millis retry_after) {
  open_ = true;
  trial_running_ = false;
  retry_at_ = clock_.steady_now() + retry_after;
}

}  // namespace pgtend::net
