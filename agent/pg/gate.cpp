#include "agent/pg/gate.hpp"

#include <algorithm>

#include "agent/base/units.hpp"
#include "agent/pg/error.hpp"

namespace pgtend::pg {
namespace {

// Source of the numbers: reference planned_systems.md 2.2.
constexpr Millis kSlowStep{60'000};
// No slot is free: at most twenty attempts a minute, because each one costs the full server a fork.
constexpr Millis kSlotsFloor{3'200};

}  // namespace

ConnectGate::ConnectGate(const Clock& clock, std::uint64_t seed)
    : clock_(clock), backoff_(net::BackoffLimits(), clock, seed), breaker_(net::BreakerLimits(), clock) {}

std::optional<Deadline> ConnectGate::closed_until() const {
  if (!last_error_ || clock_.steady_now() >= next_attempt_) return std::nullopt;
  return next_attempt_;
}

void ConnectGate::begin() {
  (void)breaker_.try_pass();
}

void ConnectGate::succeeded() {
  last_error_.reset();
  backoff_.reset();
  breaker_.success();
}

Millis ConnectGate::delay_after(const Error& error) {
  const auto step = backoff_.next();
  switch (classify(error)) {
    case RetryClass::slow:
    case RetryClass::stop:
      return kSlowStep;
    default:
      return error.sqlstate == "53300" ? std::max(step, kSlotsFloor) : step;
  }
}

void ConnectGate::failed(const Error& error) {
  const auto delay = delay_after(error);
  if (classify(error) == RetryClass::stop)
    breaker_.trip(delay);
  else
    breaker_.failure(delay);
  next_attempt_ = clock_.steady_now() + delay;
  last_error_ = error;
}

Error ConnectGate::refusal() const {
  Error error = last_error_.value_or(Error());
  const auto left = std::chrono::ceil<std::chrono::seconds>(next_attempt_ - clock_.steady_now());
  error.message += "; next attempt in " + format_duration(std::max(Millis(left), Millis(0)));
  return error;
}

}  // namespace pgtend::pg
