#include "agent/net/wait.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

namespace pgtend::net {
namespace {

// A descriptor that somebody else owns while it is waited for. The timer's handler may come after the end, so it shares
// this with the waiting task.
struct Borrowed {
  Borrowed(const asio::any_io_executor& executor, int descriptor) : stream(executor, descriptor) {}
  asio::posix::stream_descriptor stream;
  bool returned = false, late = false;
};

// Gives the descriptor back to its owner, open, however the wait ends.
struct Return {
  Borrowed& borrowed;
  ~Return() {
    borrowed.stream.release();
    borrowed.returned = true;
  }
};

Task<Ready> wait_either(int descriptor, Deadline deadline) {
  using asio::experimental::awaitable_operators::operator||;
  using Wait = asio::posix::stream_descriptor;
  auto executor = co_await asio::this_coro::executor;
  Borrowed borrowed(executor, descriptor);
  const Return at_end{borrowed};
  asio::steady_timer timer(executor, deadline);
  auto first = co_await (borrowed.stream.async_wait(Wait::wait_read, as_values) ||
                         borrowed.stream.async_wait(Wait::wait_write, as_values) || timer.async_wait(as_values));
  co_return first.index() == 0 ? Ready::read : first.index() == 1 ? Ready::write : Ready::none;
}

}  // namespace

Task<Ready> wait_descriptor(int descriptor, Until until, Deadline deadline) {
  if (until == Until::either) co_return co_await wait_either(descriptor, deadline);
  using Wait = asio::posix::stream_descriptor;
  auto executor = co_await asio::this_coro::executor;
  const auto borrowed = std::make_shared<Borrowed>(executor, descriptor);
  const Return at_end{*borrowed};
  // A timer that cancels the wait, and no group of two awaited operations, which costs several times as much: every
  // statement waits here.
  asio::steady_timer timer(executor, deadline);
  timer.async_wait([borrowed](const boost::system::error_code& stopped) {
    if (stopped || borrowed->returned) return;
    borrowed->late = true;
    borrowed->stream.cancel();
  });
  const auto what = until == Until::read ? Wait::wait_read : Wait::wait_write;
  const auto ended = co_await borrowed->stream.async_wait(what, as_values);
  if (std::get<0>(ended) && borrowed->late) co_return Ready::none;
  co_return until == Until::read ? Ready::read : Ready::write;
}

}  // namespace pgtend::net
