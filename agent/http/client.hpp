#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/base/result.hpp"
#include "agent/net/task.hpp"

namespace pgtend::http {

struct ClientRequest {
  std::string method = "GET", url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string username, password;  // of HTTP's basic authentication; no name: none
  std::string body;
  Millis timeout{5000};            // of the whole exchange
  std::string unix_socket;         // path; the host part of `url` is then only the Host header
  std::size_t max_body = 4 << 20;  // bytes of the answer
  bool truncate_body = false;      // a longer answer is cut instead of being an error
};

struct ClientResponse {
  int status = 0;
  std::string body;
  std::map<std::string, std::string> headers;  // names in lower case, the last of repeated ones
  bool connected = true;  // for this request; false: the connection of the one before was still open
};

// A connection that is kept open between requests to one server. REQUIRES: one request at a time.
class KeptConnection {
 public:
  KeptConnection();
  ~KeptConnection();
  KeptConnection(const KeptConnection&) = delete;
  KeptConnection& operator=(const KeptConnection&) = delete;

 private:
  friend Result<ClientResponse> send_blocking(const ClientRequest& request, KeptConnection* kept);
  void* handle_;  // of libcurl
};

// Ends the text of an error when the request had left: it may have arrived although nobody said so.
inline constexpr const char* kAfterSending = " after the request was sent";

// Sends one request and waits for the answer; redirects are not followed. Any status is a success here.
// Errors: timeout, unavailable (both retryable), invalid_argument (URL, method or header), resource_exhausted (answer
// larger than max_body). Their text shows scheme://host:port and never user info, path, query, headers or body.
// Over `kept`, where it is given; else over a connection of its own. REQUIRES: a thread that may block.
Result<ClientResponse> send_blocking(const ClientRequest& request, KeptConnection* kept = nullptr);

// "https://host:443" out of a URL; a placeholder when it is malformed.
[[nodiscard]] std::string origin_of(std::string_view url);

// The same from a coroutine, on the blocking pool.
class Client {
 public:
  explicit Client(net::asio::any_io_executor blocking) : blocking_(std::move(blocking)) {}
  // Errors: as send_blocking.
  net::TaskResult<ClientResponse> send(ClientRequest request, std::shared_ptr<KeptConnection> kept = nullptr);

 private:
  net::asio::any_io_executor blocking_;
};

}  // namespace pgtend::http
