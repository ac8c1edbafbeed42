#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <exception>
#include <optional>
#include <stdexcept>
#include <type_traits>

#include "agent/net/task.hpp"

namespace pgtend::test {

// The agent's threads in small: one I/O context and a blocking pool of two.
class IoWorld {
 public:
  IoWorld() : blocking_(2), io_(1) {}
  ~IoWorld() { blocking_.join(); }

  [[nodiscard]] boost::asio::any_io_executor io() { return io_.get_executor(); }
  [[nodiscard]] boost::asio::any_io_executor blocking() { return blocking_.get_executor(); }
  [[nodiscard]] boost::asio::io_context& context() { return io_; }

  // Runs a coroutine to its end and returns its value; what it throws is thrown here. Other coroutines spawned on io()
  // make progress meanwhile.
  template <class T>
  T run(net::Task<T> task) {
    std::exception_ptr failure;
    bool done = false;
    io_.restart();
    if constexpr (std::is_void_v<T>) {
      boost::asio::co_spawn(io_, std::move(task), [&](std::exception_ptr error) {
        failure = error;
        done = true;
      });
      spin(done);
      if (failure) std::rethrow_exception(failure);
    } else {
      std::optional<T> value;
      boost::asio::co_spawn(io_, wrap(std::move(task), value), [&](std::exception_ptr error) {
        failure = error;
        done = true;
      });
      spin(done);
      if (failure) std::rethrow_exception(failure);
      return std::move(*value);
    }
  }

 private:
  template <class T>
  static net::Task<void> wrap(net::Task<T> task, std::optional<T>& out) {
    auto value = co_await std::move(task);
    out.emplace(std::move(value));
  }
  void spin(const bool& done) {
    while (!done)
      if (io_.run_one() == 0) throw std::runtime_error("the coroutine waits for something that never comes");
  }

  boost::asio::thread_pool blocking_;
  boost::asio::io_context io_;
};

// One coroutine on a world of its own.
template <class T>
T run_io(net::Task<T> task) {
  IoWorld world;
  return world.run(std::move(task));
}

}  // namespace pgtend::test
