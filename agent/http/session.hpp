#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <functional>
#include <list>

#include "agent/http/server.hpp"

// One accepted connection; private to this folder.
namespace pgtend::http {

// What the server knows of a connection while it lives.
struct Connection {
  explicit Connection(bool over_unix_socket) : local(over_unix_socket) {}
  const bool local;
  bool busy = false;    // a request has begun and its answer is not written yet
  bool leaves = false;  // closed to make room; its coroutine has not ended yet
  std::function<void()> close;
  net::asio::cancellation_signal cancel;  // ends a handler that is still running
};

// What all connections share; outlives them.
struct Shared {
  ServerOptions options;
  Router router;
  Authenticator authenticator;
  ServerCounts counts;
  bool stopping = false;
  std::list<Connection> connections;
};

struct Accepted {
  Peer peer;
  bool check_host = false;  // the connection came to a loopback address over TCP
};

using Socket = net::asio::generic::stream_protocol::socket;

// Serves one connection until it ends; `tls` null: plain. `shared` and `connection` outlive the task.
net::Task<void> serve(Socket socket, Accepted accepted, net::asio::ssl::context* tls, Shared* shared,
                      Connection* connection);

// True when a Host header names this machine's loopback or one of `allowed`.
[[nodiscard]] bool host_is_local(std::string_view host, const std::vector<std::string>& allowed);

}  // namespace pgtend::http
