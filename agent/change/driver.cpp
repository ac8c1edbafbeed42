#include "agent/change/driver.hpp"

#include <algorithm>

#include "agent/base/log.hpp"
#include "agent/change/notes.hpp"
#include "agent/pg/error.hpp"

namespace pgtend::change {
namespace {

constexpr Millis kLongestDelay{3'600'000};

}  // namespace

Driver::Driver(CorePtr core, Change change) : core_(std::move(core)), change_(std::move(change)) {}

net::Task<void> Driver::run() {
  switch (change_.state) {
    case ChangeState::approved:
    case ChangeState::deferred:
      return begin();
    // Its facts were taken by a process that is gone.
    case ChangeState::pre_validated:
    case ChangeState::applying:
      return resume();
    case ChangeState::post_validated:
      return check_again();
    case ChangeState::observing:
      return observe();
    case ChangeState::reverting:
      return undo();
    case ChangeState::needs_restart:
      return await_restart();
    default:
      return settled();
  }
}

net::Task<bool> Driver::move_to(ChangeState to, std::string action, std::string result) {
  const auto from = change_.state;
  auto next = change_;
  next.state = to;
  const std::string actor;
  auto moved = co_await move(core_, next, from, action, result, actor);
  if (!moved) {
    core_->rest(change_.id, core_->options.defer_for);
    co_return false;
  }
  change_ = std::move(*moved);
  core_->trouble.erase(change_.id);
  // Until then it stands, also between two looks at an adopted build, so that it never runs backwards.
  if (to != ChangeState::applying && to != ChangeState::reverting) core_->progress.erase(change_.id);
  co_return true;
}

bool Driver::restores_by_itself(const Error& error) const {
  switch (error.code) {
    case Errc::unavailable:
    case Errc::timeout:
    case Errc::cancelled:
    case Errc::resource_exhausted:
    case Errc::io:
      return true;
    default:
      return error.retryable || pg::classify(error) == pg::RetryClass::unit;
  }
}

net::Task<void> Driver::give_up(Error error) {
  change_.last_error = error.describe();
  change_.backend_pid.reset();
  change_.backend_start.reset();
  forget_intent();
  const std::string action = "change.apply.result", result = change_.last_error;
  const bool again = restores_by_itself(error) && change_.attempt < core_->options.max_attempts;
  if (!again) {
    co_await move_to(ChangeState::failed, action, result);
    co_return;
  }
  const auto doubled = core_->options.defer_for * (1LL << std::clamp(change_.attempt - 1, 0, 10));
  change_.not_before = core_->parts.clock.now() + std::min<Millis>(kLongestDelay, doubled);
  // A stop is no fault of the change: it goes on as soon as the agent does.
  if (core_->stopping) change_.not_before.reset();
  co_await move_to(ChangeState::deferred, action, result);
}

void Driver::forget_intent() {
  Notes notes(change_.evidence_before);
  // What it left of itself is still its own.
  if (!is_repeatable(change_.plan)) notes.set("intent_at", std::string());
  for (const auto* key : {"deferred_for", "failed_for"}) notes.set(key, std::string());
  change_.evidence_before = notes.json();
}

void Driver::rest(const Error& error, Millis time) {
  log::info("change waits", {{"id", change_.id}, {"reason", error.describe()}});
  core_->trouble[change_.id] = error.describe();
  core_->rest(change_.id, time);
}

net::Task<void> Driver::settled() {
  co_return;
}

}  // namespace pgtend::change
