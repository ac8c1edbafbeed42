#include "agent/net/wait.hpp"

#include <unistd.h>

#include <array>
#include <future>
#include <thread>

#include "agent/net/turnstile.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/run_io.hpp"

using namespace pgtend;
using net::Ready;
using net::Turnstile;
using net::Until;

namespace {
Deadline in(int ms) {
  return std::chrono::steady_clock::now() + Millis(ms);
}
}  // namespace

TEST_CASE("a wait ends with what the descriptor became, and leaves it open") {
  std::array<int, 2> pipe_ends{};
  REQUIRE(pipe(pipe_ends.data()) == 0);
  REQUIRE(test::run_io(net::wait_descriptor(pipe_ends[0], Until::read, in(20))) == Ready::none);
  REQUIRE(test::run_io(net::wait_descriptor(pipe_ends[1], Until::write, in(2'000))) == Ready::write);
  REQUIRE(write(pipe_ends[1], "x", 1) == 1);
  REQUIRE(test::run_io(net::wait_descriptor(pipe_ends[0], Until::read, in(2'000))) == Ready::read);
  REQUIRE(test::run_io(net::wait_descriptor(pipe_ends[1], Until::either, in(2'000))) == Ready::write);
  char byte = 0;
  REQUIRE(read(pipe_ends[0], &byte, 1) == 1);
  REQUIRE(close(pipe_ends[0]) == 0);
  REQUIRE(close(pipe_ends[1]) == 0);
}

TEST_CASE("the timer of a wait that has ended does not end the next one") {
  std::array<int, 2> pipe_ends{};
  REQUIRE(pipe(pipe_ends.data()) == 0);
  test::IoWorld world;
  const auto first_ends = in(30);
  auto both = [&]() -> net::Task<void> {
    REQUIRE(write(pipe_ends[1], "x", 1) == 1);
    REQUIRE(co_await net::wait_descriptor(pipe_ends[0], Until::read, first_ends) == Ready::read);
    char byte = 0;
    REQUIRE(read(pipe_ends[0], &byte, 1) == 1);
    REQUIRE(co_await net::wait_descriptor(pipe_ends[0], Until::read, in(120)) == Ready::none);
    REQUIRE(std::chrono::steady_clock::now() >= first_ends + Millis(60));
    REQUIRE(write(pipe_ends[1], "x", 1) == 1);
    REQUIRE(co_await net::wait_descriptor(pipe_ends[0], Until::read, in(2'000)) == Ready::read);
  };
  world.run(both());
  REQUIRE(close(pipe_ends[0]) == 0);
  REQUIRE(close(pipe_ends[1]) == 0);
}

TEST_CASE("slow work elsewhere does not hold its caller beyond the deadline") {
  test::IoWorld world;
  std::promise<void> release;
  auto gate = release.get_future().share();
  auto slow = [gate] {
    gate.wait();
    return 1;
  };
  auto quick = [] { return 2; };
  const auto before = std::chrono::steady_clock::now();
  REQUIRE_FALSE(world.run(net::run_until(world.blocking(), slow, in(50))).has_value());
  REQUIRE(std::chrono::steady_clock::now() - before < std::chrono::seconds(5));
  REQUIRE(world.run(net::run_until(world.blocking(), quick, in(5'000))) == 2);
  release.set_value();
}

TEST_CASE("turns are given in order, and one that comes too late is not taken") {
  test::IoWorld world;
  Turnstile turnstile(1);
  std::vector<int> order;
  auto visitor = [&](int number, Deadline deadline, Millis stay) -> net::Task<void> {
    auto permit = co_await turnstile.enter(deadline);
    order.push_back(permit ? number : -number);
    auto leave_at = std::chrono::steady_clock::now() + stay;
    co_await net::sleep_until(leave_at);
  };
  auto all = [&]() -> net::Task<void> {
    auto executor = co_await net::asio::this_coro::executor;
    int left = 4;
    const auto arrive = [&](int number, Deadline deadline, Millis stay) {
      net::asio::co_spawn(executor, visitor(number, deadline, stay), [&left](std::exception_ptr) { --left; });
    };
    arrive(1, in(5'000), Millis(100));
    arrive(2, in(20), Millis(0));
    arrive(3, in(5'000), Millis(10));
    arrive(4, in(5'000), Millis(0));
    while (left > 0) {
      auto soon = in(5);
      co_await net::sleep_until(soon);
    }
  };
  world.run(all());
  REQUIRE(order == std::vector<int>{1, -2, 3, 4});
  REQUIRE(turnstile.waiting() == 0);
}
