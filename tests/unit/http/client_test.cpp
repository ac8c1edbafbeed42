#include "agent/http/client.hpp"

#include <boost/asio/thread_pool.hpp>

#include "tests/unit/http/running_server.hpp"

using namespace pgtend;
using namespace pgtend::http;
using pgtend::test::echo_router;
using pgtend::test::loopback;
using pgtend::test::RunningServer;

namespace {

// A port on which nobody listens.
std::uint16_t dead_port() {
  RunningServer server(loopback(), echo_router());
  return server.port();
}

Router odd_router() {
  Router router;
  auto redirect = [](Request) -> net::Task<Response> {
    Response response;
    response.status = 302;
    response.headers.emplace_back("Location", "file:///etc/hostname");
    co_return response;
  };
  auto large = [](Request) -> net::Task<Response> {
    Response response;
    response.body = std::string(100'000, 'x');
    co_return response;
  };
  auto hang = [](Request) -> net::Task<Response> {
    const auto later = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    co_await net::sleep_until(later);
    co_return Response{};
  };
  router.add("GET", "/redirect", Right::none, redirect);
  router.add("GET", "/large", Right::none, large);
  router.add("GET", "/hang", Right::none, hang);
  return router;
}

constexpr auto kSecret = "hunter2";

}  // namespace

TEST_CASE("a request's method, body and headers arrive and the answer's come back") {
  RunningServer server(loopback(), echo_router());
  ClientRequest request;
  request.method = "POST";
  request.url = server.url("/open");
  request.headers = {{"Content-Type", "application/json"}};
  request.body = "{\"a\":1}";
  const auto response = send_blocking(request);
  REQUIRE(response);
  CHECK(response->status == 200);
  CHECK(response->body == "POST /open anonymous {\"a\":1}\n");
  CHECK(response->headers.at("content-type") == "text/plain");
}

TEST_CASE("a refused connection is unavailable, retryable and names only the origin") {
  ClientRequest request;
  const auto port = std::to_string(dead_port());
  request.url = "http://user:hunter2@127.0.0.1:" + port + "/hooks/hunter2?token=hunter2";
  request.headers = {{"Authorization", "Bearer hunter2"}};
  const auto response = send_blocking(request);
  REQUIRE_FALSE(response);
  CHECK(response.error().code == Errc::unavailable);
  CHECK(response.error().retryable);
  CHECK(response.error().describe().find(kSecret) == std::string::npos);
  CHECK_THAT(response.error().describe(), ContainsSubstring("http://127.0.0.1:" + port));
  CHECK_THAT(response.error().describe(), ContainsSubstring("Connection refused"));
  CHECK(response.error().message.find(kAfterSending) == std::string::npos);
}

TEST_CASE("a peer that does not answer in time is a timeout") {
  RunningServer server(loopback(), odd_router());
  ClientRequest request;
  request.url = server.url("/hang");
  request.timeout = Millis(100);
  const auto began = std::chrono::steady_clock::now();
  const auto response = send_blocking(request);
  REQUIRE_FALSE(response);
  CHECK(response.error().code == Errc::timeout);
  CHECK(response.error().message.find(kAfterSending) != std::string::npos);
  CHECK(response.error().retryable);
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(3));
  server.stop(Millis(0));
}

TEST_CASE("redirects are handed back, never followed") {
  RunningServer server(loopback(), odd_router());
  ClientRequest request;
  request.url = server.url("/redirect");
  const auto response = send_blocking(request);
  REQUIRE(response);
  CHECK(response->status == 302);
}

TEST_CASE("an answer beyond the limit is refused and not kept") {
  RunningServer server(loopback(), odd_router());
  ClientRequest request;
  request.url = server.url("/large");
  request.max_body = 50'000;
  const auto response = send_blocking(request);
  REQUIRE_FALSE(response);
  CHECK(response.error().code == Errc::resource_exhausted);
  CHECK_FALSE(response.error().retryable);
}

TEST_CASE("other protocols, malformed addresses and headers are the caller's error and show no secret") {
  for (const auto* url :
       {"file:///etc/passwd#hunter2", "gopher://x/hunter2", "http://", "http://bad host/hunter2", "hunter2://"}) {
    CAPTURE(url);
    ClientRequest request;
    request.url = url;
    const auto response = send_blocking(request);
    REQUIRE_FALSE(response);
    CHECK(response.error().code == Errc::invalid_argument);
    CHECK_FALSE(response.error().retryable);
  }
  ClientRequest request;
  request.url = "http://127.0.0.1/";
  request.headers = {{"X-Token", "hunter2\r\nInjected: yes"}};
  const auto response = send_blocking(request);
  REQUIRE_FALSE(response);
  CHECK(response.error().code == Errc::invalid_argument);
  CHECK(response.error().describe().find(kSecret) == std::string::npos);
}

TEST_CASE("an origin has scheme, host and port and nothing else") {
  CHECK(origin_of("https://user:pw@hooks.example/T0/secret?x=1#y") == "https://hooks.example:443");
  CHECK(origin_of("http://[::1]:9093/api") == "http://[::1]:9093");
  CHECK(origin_of("::::") == "(malformed URL)");
}

TEST_CASE("the coroutine client resumes its caller on the caller's own thread") {
  RunningServer server(loopback(), echo_router());
  net::asio::thread_pool blocking(1);
  net::asio::io_context context(1);
  Client client(blocking.get_executor());
  ClientRequest request;
  request.url = server.url("/open");
  std::optional<int> status;
  std::thread::id resumed_on;
  auto task = [&]() -> net::Task<void> {
    auto response = co_await client.send(request);
    resumed_on = std::this_thread::get_id();
    if (response) status = response->status;
  };
  auto ended = [](std::exception_ptr failure) { CHECK_FALSE(failure); };
  net::asio::co_spawn(context, task(), ended);
  context.run();
  CHECK(status == 200);
  CHECK(resumed_on == std::this_thread::get_id());
}
