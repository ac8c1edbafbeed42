#include "agent/net/wakeup.hpp"

#include <boost/asio/io_context.hpp>

#include "tests/support/catch.hpp"

using namespace pgtend;

namespace {

// Runs a task to its end; how long it took.
std::chrono::nanoseconds run(std::function<net::Task<void>()> body, std::function<void()> beside = [] {}) {
  boost::asio::io_context io;
  const auto began = std::chrono::steady_clock::now();
  boost::asio::co_spawn(io, std::move(body), [](std::exception_ptr error) { REQUIRE_FALSE(error); });
  boost::asio::post(io, std::move(beside));
  io.run();
  return std::chrono::steady_clock::now() - began;
}

constexpr std::chrono::minutes kLong{5};

}  // namespace

TEST_CASE("a ring ends the sleep of whoever waits") {
  net::Wakeup wakeup;
  const auto sleep = [&]() -> net::Task<void> {
    const Deadline deadline = std::chrono::steady_clock::now() + kLong;
    co_await wakeup.wait_until(deadline);
  };
  CHECK(run(sleep, [&] { wakeup.ring(); }) < kLong);
}

TEST_CASE("a ring before the sleep is not lost, and ends one sleep only") {
  net::Wakeup wakeup;
  wakeup.ring();
  constexpr Millis kShort{20};
  bool second = false;
  const auto twice = [&]() -> net::Task<void> {
    const Deadline deadline = std::chrono::steady_clock::now() + kLong;
    co_await wakeup.wait_until(deadline);
    const Deadline soon = std::chrono::steady_clock::now() + kShort;
    co_await wakeup.wait_until(soon);
    second = std::chrono::steady_clock::now() >= soon;
  };
  CHECK(run(twice) < kLong);
  CHECK(second);
}
