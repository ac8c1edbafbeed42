#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <future>
#include <string>
#include <thread>

#include "agent/http/server.hpp"
#include "tests/support/catch.hpp"

namespace pgtend::test {

// A server with its own I/O thread, stopped with it.
class RunningServer {
 public:
  RunningServer(http::ServerOptions options, http::Router router, http::AuthOptions auth = {})
      : server_(context_.get_executor(), std::move(options), std::move(router),
                http::Authenticator::make(std::move(auth)).value()) {
    started_ = server_.start();
    if (started_) thread_ = std::thread([this] { context_.run(); });
  }
  ~RunningServer() {
    if (!thread_.joinable()) return;
    stop();
    thread_.join();
  }

  void stop(Millis grace = Millis(2000)) {
    if (stopped_) return;
    stopped_ = true;
    std::promise<void> done;
    auto task = server_.stop(grace);
    auto ended = [&done](std::exception_ptr) { done.set_value(); };
    net::asio::co_spawn(context_, std::move(task), ended);
    REQUIRE(done.get_future().wait_for(std::chrono::seconds(10)) == std::future_status::ready);
  }

  [[nodiscard]] const Result<void>& started() const { return started_; }
  [[nodiscard]] std::uint16_t port() const { return server_.port(); }
  [[nodiscard]] std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port()) + path;
  }
  http::ServerCounts counts() {
    std::promise<http::ServerCounts> counts;
    net::asio::post(context_, [&] { counts.set_value(server_.counts()); });
    return counts.get_future().get();
  }

 private:
  net::asio::io_context context_{1};
  http::Server server_;
  Result<void> started_;
  std::thread thread_;
  bool stopped_ = false;
};

inline http::ServerOptions loopback() {
  http::ServerOptions options;
  options.listen = "127.0.0.1:0";
  return options;
}

// A folder of its own, removed with it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "pgtend-http-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

// A peer that says exactly the bytes it is told to.
class RawPeer {
 public:
  explicit RawPeer(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  ~RawPeer() { ::close(fd_); }
  RawPeer(const RawPeer&) = delete;

  void say(const std::string& bytes) const { (void)!::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }

  // Everything until the server closes; `closed` tells whether it did within the limit.
  std::string hear(bool& closed, int limit_ms = 5000) const {
    return read([](const std::string&) { return false; }, closed, limit_ms);
  }
  std::string hear() const {
    bool closed = false;
    auto all = hear(closed);
    CHECK(closed);
    return all;
  }
  // Until the text appears.
  std::string hear_until(const std::string& text) const {
    bool closed = false;
    return read([&](const std::string& all) { return all.find(text) != std::string::npos; }, closed, 5000);
  }

 private:
  template <class Done>
  std::string read(Done done, bool& closed, int limit_ms) const {
    std::string all;
    closed = false;
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(limit_ms);
    while (!done(all) && std::chrono::steady_clock::now() < until) {
      pollfd waiting{fd_, POLLIN, 0};
      if (::poll(&waiting, 1, 50) <= 0) continue;
      char bytes[4096];
      const auto got = ::recv(fd_, bytes, sizeof bytes, 0);
      if (got <= 0) {
        closed = true;
        break;
      }
      all.append(bytes, static_cast<std::size_t>(got));
    }
    return all;
  }
  int fd_;
};

// Answers with what it was asked.
inline http::Router echo_router() {
  http::Router router;
  auto echo = [](http::Request request) -> net::Task<http::Response> {
    http::Response response;
    response.content_type = "text/plain";
    response.body = request.method + " " + request.path + " " + request.identity.name + " " + request.body + "\n";
    co_return response;
  };
  router.add("GET", "/open", http::Right::none, echo);
  router.add("GET", "/view", http::Right::viewer, echo);
  router.add("POST", "/open", http::Right::none, echo);
  router.add("GET", "/ask", http::Right::viewer, echo);
  router.add("POST", "/ask", http::Right::viewer, echo);
  for (const char* method : {"GET", "POST"}) router.add(method, "/ask/of/{id}", http::Right::viewer, echo);
  router.add("POST", "/approve/{id}", http::Right::approver, echo);
  router.add("POST", "/admin", http::Right::admin, echo);
  return router;
}

}  // namespace pgtend::test
