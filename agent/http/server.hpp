#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/http/auth.hpp"
#include "agent/http/router.hpp"
#include "agent/net/task.hpp"

namespace pgtend::http {

struct ServerOptions {
  // "address:port", "[::1]:9187"; port 0 takes a free one; empty: no TCP.
  std::string listen = "127.0.0.1:9187";
  // Empty: no unix socket. A stale socket file of a dead process is replaced, a live one is an error.
  std::string unix_path;
  unsigned unix_mode = 0660;
  std::size_t max_body = 1 << 20;        // bytes
  std::uint32_t max_header = 16 * 1024;  // bytes
  // Of each listener, so that nobody on TCP keeps the machine's own people out. One more closes the connection that has
  // waited longest for a request; when all are busy it is answered 503 and closed.
  std::size_t max_connections = 64;
  Millis read_timeout{10'000};  // from a request's first byte to its last
  Millis idle_timeout{60'000};  // between two requests of one connection
  Millis write_timeout{10'000};
  Millis handler_timeout{30'000};  // then 504
  // Names besides loopback addresses and "localhost" that a Host header may carry (DNS rebinding).
  std::vector<std::string> allowed_hosts;
  // PEM files; both set: TLS 1.2 or newer on the TCP listener.
  std::string tls_certificate_file, tls_key_file;
};

struct ServerCounts {
  std::uint64_t requests = 0, malformed = 0, timeouts = 0, refused_connections = 0;
  std::size_t connections = 0, busy_connections = 0;
};

// HTTP/1.1 on a TCP address and a unix socket.
// REQUIRES: one thread runs the executor; every call on that thread, start() may precede it.
class Server {
 public:
  Server(net::asio::any_io_executor executor, ServerOptions options, Router router, Authenticator authenticator);
  // Closes what is still open; handlers still running must not outlive the executor's context.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Binds and accepts.
  // Errors: config (bad address; a non-loopback address without both TLS and tokens; unreadable certificate), conflict
  // (address or socket in use), permission, io. None is retryable without a change, except conflict.
  Result<void> start();

  // Stops accepting, lets running requests end for at most `grace`, closes the rest and waits until all have ended.
  net::Task<void> stop(Millis grace = Millis(2000));

  // The port that is bound; 0 without TCP or before start().
  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] ServerCounts counts() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace pgtend::http
