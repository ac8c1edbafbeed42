#include "agent/net/wait.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

namespace pgtend::net {
namespace {

// Gives the descriptor back to its owner, open, however the wait ends.
class Borrowed {
 public:
  Borrowed(const asio::any_io_executor& executor, int descriptor) : stream_(executor, descriptor) {}
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;
  ~Borrowed() { stream_.release(); }
  auto wait(asio::posix::stream_descriptor::wait_type what) { return stream_.async_wait(what, as_values); }

 private:
  asio::posix::stream_descriptor stream_;
};

}  // namespace

Task<Ready> wait_descriptor(int descriptor, Until until, Deadline deadline) {
  using asio::experimental::awaitable_operators::operator||;
  using Wait = asio::posix::stream_descriptor;
  auto executor = co_await asio::this_coro::executor;
  Borrowed borrowed(executor, descriptor);
  asio::steady_timer timer(executor, deadline);
  if (until == Until::either) {
    auto first =
        co_await (borrowed.wait(Wait::wait_read) || borrowed.wait(Wait::wait_write) || timer.async_wait(as_values));
    co_return first.index() == 0 ? Ready::read : first.index() == 1 ? Ready::write : Ready::none;
  }
  const auto what = until == Until::read ? Wait::wait_read : Wait::wait_write;
  auto first = co_await (borrowed.wait(what) || timer.async_wait(as_values));
  if (first.index() == 1) co_return Ready::none;
  co_return until == Until::read ? Ready::read : Ready::write;
}

}  // namespace pgtend::net
