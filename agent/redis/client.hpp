#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/net/stream.hpp"
#include "agent/redis/resp.hpp"

namespace pgtend::redis {

struct ConnectSpec {
  net::StreamTarget target;
  std::string user;      // of Redis's ACL; empty: the one named default
  std::string password;  // empty: no AUTH
};

// One session with Redis. REQUIRES: used from the one I/O thread, by one coroutine at a time.
class Client {
 public:
  // Opens it and authenticates. Errors: those of net::Stream::connect() and command(); a refused password is
  // permission. No error quotes what a peer says to a password, since it may be the password.
  static net::TaskResult<std::unique_ptr<Client>> connect(ConnectSpec spec, net::asio::any_io_executor blocking,
                                                          Deadline deadline);

  // Sends one command and waits for its reply.
  // Errors: timeout, unavailable (session lost, or Redis loads its data), parse (a malformed reply), all of which end
  // the session; permission (NOAUTH, WRONGPASS, NOPERM), resource_exhausted (no place for a client), unsupported (no
  // such command), server.
  net::TaskResult<Value> command(std::vector<std::string> words, Deadline deadline);
  // False when the session ended.
  [[nodiscard]] bool healthy() const { return stream_ != nullptr; }
  // Of Redis's certificate; nullopt without TLS.
  [[nodiscard]] std::optional<UtcTime> certificate_not_after() const {
    return stream_ != nullptr ? stream_->certificate_not_after() : std::nullopt;
  }

 private:
  explicit Client(std::unique_ptr<net::Stream> stream) : stream_(std::move(stream)) {}
  net::TaskResult<Value> exchange(std::string command, Deadline deadline);

  std::unique_ptr<net::Stream> stream_;
  RespDecoder decoder_;
};

// What an error reply means; `text` without its leading "-".
[[nodiscard]] Error reply_error(std::string_view text);

}  // namespace pgtend::redis
