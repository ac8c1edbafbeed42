#include "agent/net/task.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <thread>

#include "tests/support/catch.hpp"

using namespace pgtend;

TEST_CASE("work runs on the other executor and its caller resumes on its own") {
  boost::asio::io_context io;
  boost::asio::thread_pool pool(1);
  std::thread::id ran_on, resumed_on;
  int answer = 0;
  auto body = [&]() -> net::Task<void> {
    auto work = [&ran_on] {
      ran_on = std::this_thread::get_id();
      return 42;
    };
    answer = co_await net::run_on(pool.get_executor(), work);
    resumed_on = std::this_thread::get_id();
  };
  std::exception_ptr failure;
  boost::asio::co_spawn(io, body, [&](std::exception_ptr error) { failure = error; });
  io.run();
  REQUIRE_FALSE(failure);
  REQUIRE(answer == 42);
  REQUIRE(ran_on != std::this_thread::get_id());
  REQUIRE(resumed_on == std::this_thread::get_id());
}
