#include "agent/engine/supervisor.hpp"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>

#include "agent/base/log.hpp"

namespace pgtend::engine {

namespace {

constexpr std::chrono::seconds kFirstPause{1};
constexpr std::chrono::seconds kLongestPause{60};

std::string what(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "unknown exception";
  }
}

}  // namespace

net::Task<void> Supervisor::supervise(TaskFactory factory, std::string name) {
  auto pause = kFirstPause;
  while (!stopping_) {
    const auto started = std::chrono::steady_clock::now();
    std::exception_ptr failure;
    try {
      co_await factory();
    } catch (...) {
      failure = std::current_exception();
    }
    if (!failure || stopping_) co_return;
    ++restarts_;
    log::error("task failed and is started again", {{"task", name}, {"error", what(failure)}});
    if (std::chrono::steady_clock::now() - started > kLongestPause) pause = kFirstPause;
    const Deadline resume_at = std::chrono::steady_clock::now() + pause;
    co_await net::sleep_until(resume_at);
    pause = std::min(pause * 2, kLongestPause);
  }
}

void Supervisor::spawn(std::string name, TaskFactory factory) {
  auto entry = std::make_shared<Entry>();
  entry->name = name;
  tasks_.push_back(entry);
  auto ended = [this, entry](const std::exception_ptr& failure) {
    if (failure && !stopping_) log::error("task ended", {{"task", entry->name}, {"error", what(failure)}});
    tasks_.remove(entry);
  };
  net::asio::co_spawn(io_, supervise(std::move(factory), std::move(name)),
                      net::asio::bind_cancellation_slot(entry->cancel.slot(), std::move(ended)));
}

net::Task<std::vector<std::string>> Supervisor::stop(Deadline deadline) {
  stopping_ = true;
  const auto running_now = tasks_;
  for (const auto& entry : running_now) entry->cancel.emit(net::asio::cancellation_type::terminal);
  constexpr Millis kPoll{10};
  while (!tasks_.empty() && std::chrono::steady_clock::now() < deadline) {
    const Deadline next = std::chrono::steady_clock::now() + kPoll;
    co_await net::sleep_until(next);
  }
  std::vector<std::string> left;
  for (const auto& entry : tasks_) left.push_back(entry->name);
  co_return left;
}

}  // namespace pgtend::engine
