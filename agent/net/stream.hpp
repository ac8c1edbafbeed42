#pragma once

#include <memory>
#include <optional>
#include <string>

#include "agent/net/task.hpp"

namespace pgtend::net {

// How the other side proves who it is, and we to it. The chain and the name are always verified.
struct TlsOptions {
  std::string ca_file;  // empty: the system's authorities
  std::string certificate_file, key_file;
  std::string server_name;  // empty: the host
};

struct StreamTarget {
  std::string host;  // name or address
  int port = 0;
  std::string unix_path;  // instead of both
  std::optional<TlsOptions> tls;
};

// One byte stream to a peer: TCP or a unix socket, with TLS or without.
// REQUIRES: used from the one I/O thread, by one coroutine at a time.
class Stream {
 public:
  virtual ~Stream() = default;

  // Opens it, TLS included, until the deadline; names are resolved on `blocking`.
  // Errors: unavailable, timeout (retryable both), config (a certificate file that cannot be used), refused
  // (tls_verify_failed).
  static TaskResult<std::unique_ptr<Stream>> connect(StreamTarget target, asio::any_io_executor blocking,
                                                     Deadline deadline);
  // What is there, at least one byte and at most `most`; empty: the peer closed. Errors: timeout, unavailable.
  virtual TaskResult<std::string> read_some(std::size_t most, Deadline deadline) = 0;
  // All of it. Errors: timeout, unavailable.
  virtual TaskResult<std::size_t> write(std::string bytes, Deadline deadline) = 0;
  // Of the peer's certificate; nullopt without TLS.
  [[nodiscard]] virtual std::optional<UtcTime> certificate_not_after() { return std::nullopt; }
};

}  // namespace pgtend::net
