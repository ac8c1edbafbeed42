#include "agent/http/server.hpp"

#include <algorithm>
#include <vector>

#include "agent/http/client.hpp"
#include "tests/unit/http/running_server.hpp"

using namespace pgtend;
using namespace pgtend::http;
using pgtend::test::echo_router;
using pgtend::test::loopback;
using pgtend::test::RawPeer;
using pgtend::test::RunningServer;
using pgtend::test::TemporaryFolder;

namespace {

std::string get(const std::string& path, const std::string& more = {}) {
  return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + more + "\r\n";
}

std::size_t occurrences(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

// The peer may see its connection closed before the server comes to count why.
std::size_t timeouts(RunningServer& server) {
  for (int i = 0; i < 100; ++i)
    if (const auto count = server.counts().timeouts; count > 0) return count;
  return 0;
}

ClientResponse ask(const ClientRequest& request) {
  auto response = send_blocking(request);
  REQUIRE(response);
  return std::move(*response);
}

}  // namespace

TEST_CASE("one connection answers many requests, pipelined ones too") {
  RunningServer server(loopback(), echo_router());
  RawPeer peer(server.port());
  peer.say(get("/open") + get("/view"));
  const auto first = peer.hear_until("GET /view");
  CHECK(occurrences(first, "HTTP/1.1 200 OK") == 2);
  peer.say(get("/open", "Connection: close\r\n"));
  CHECK_THAT(peer.hear(), ContainsSubstring("Connection: close"));
  CHECK(server.counts().requests == 3);
}

TEST_CASE("no part of an answer waits for the peer's acknowledgement of the part before it") {
  RunningServer server(loopback(), echo_router());
  RawPeer peer(server.port());
  std::vector<std::chrono::steady_clock::duration> took;
  for (int i = 0; i < 31; ++i) {
    const auto began = std::chrono::steady_clock::now();
    peer.say(get("/open"));
    REQUIRE_THAT(peer.hear_until("GET /open"), ContainsSubstring("200 OK"));
    took.push_back(std::chrono::steady_clock::now() - began);
  }
  std::sort(took.begin(), took.end());
  // A delayed acknowledgement comes after 40 ms.
  CHECK(took[15] < std::chrono::milliseconds(30));
}

TEST_CASE("HEAD has the length of GET and no body") {
  RunningServer server(loopback(), echo_router());
  RawPeer peer(server.port());
  peer.say("HEAD /open HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  const auto answer = peer.hear();
  CHECK_THAT(answer, ContainsSubstring("200 OK"));
  CHECK_THAT(answer, ContainsSubstring("Content-Length: 22"));
  CHECK(answer.ends_with("\r\n\r\n"));
}

TEST_CASE("unknown paths are 404, other methods 405 with what is allowed") {
  RunningServer server(loopback(), echo_router());
  ClientRequest request;
  request.url = server.url("/nothing");
  CHECK(ask(request).status == 404);
  request.method = "DELETE";
  request.url = server.url("/open");
  request.headers = {{"Content-Type", "application/json"}};
  const auto answer = ask(request);
  CHECK(answer.status == 405);
  CHECK(answer.headers.at("allow") == "GET, HEAD, POST");
}

TEST_CASE("malformed bytes get 400 and never harm the next peer") {
  RunningServer server(loopback(), echo_router());
  const std::string nul("GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n", 37);
  const std::vector<std::string> rubbish{
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03rubbish\r\n\r\n",
      "GET\r\n\r\n",
      "GET /open\r\n\r\n",
      "GET /open HTTP/9.9\r\nHost: localhost\r\n\r\n",
      "GET /open HTTP/1.1\r\nHost localhost\r\n\r\n",
      "GET /open HTTP/1.1\r\n\r\n",
      "GET /open HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
      "GET http://[ HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "POST /open HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
      "POST /open HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
      "POST /open HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
      "POST /open HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      "GET /open HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b: c\rd\r\n\r\n",
      nul,
  };
  for (const auto& bytes : rubbish) {
    CAPTURE(bytes);
    RawPeer peer(server.port());
    peer.say(bytes);
    CHECK_THAT(peer.hear_until("\r\n\r\n"), ContainsSubstring("HTTP/1.1 400"));
  }
  ClientRequest request;
  request.url = server.url("/open");
  CHECK(ask(request).status == 200);
}

TEST_CASE("a peer that vanishes in the middle of a request harms nobody") {
  RunningServer server(loopback(), echo_router());
  for (int i = 0; i < 20; ++i) {
    RawPeer peer(server.port());
    peer.say("POST /open HTTP/1.1\r\nHost: localhost\r\nContent-Le");
  }
  ClientRequest request;
  request.url = server.url("/open");
  CHECK(ask(request).status == 200);
}

TEST_CASE("too large a header is 431 and too large a body 413, seen by the peer") {
  auto options = loopback();
  options.max_header = 2048;
  options.max_body = 1000;
  RunningServer server(options, echo_router());
  {
    RawPeer peer(server.port());
    peer.say(get("/open", "X-Long: " + std::string(5000, 'x') + "\r\n"));
    CHECK_THAT(peer.hear(), ContainsSubstring("HTTP/1.1 431"));
  }
  {
    RawPeer peer(server.port());
    peer.say(
        "POST /open HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 200000\r\n\r\n" +
        std::string(200'000, 'x'));
    CHECK_THAT(peer.hear(), ContainsSubstring("HTTP/1.1 413"));
  }
  {
    RawPeer peer(server.port());
    peer.say(
        "POST /open HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: "
        "chunked\r\n\r\n");
    for (int i = 0; i < 20; ++i) peer.say("64\r\n" + std::string(100, 'x') + "\r\n");
    CHECK_THAT(peer.hear(), ContainsSubstring("HTTP/1.1 413"));
  }
  CHECK(server.counts().malformed == 3);
}

TEST_CASE("a peer that says nothing is cut off") {
  auto options = loopback();
  options.idle_timeout = Millis(200);
  RunningServer server(options, echo_router());
  bool closed = false;
  RawPeer idle(server.port());
  CHECK(idle.hear(closed, 3000).empty());
  CHECK(closed);
}

TEST_CASE("a peer that dribbles its request is cut off") {
  auto options = loopback();
  options.read_timeout = Millis(200);
  RunningServer server(options, echo_router());
  RawPeer dribbles(server.port());
  bool closed = false;
  dribbles.say("GET /open HTTP/1.1\r\n");
  // Each byte arrives well within the limit; only the whole request does not.
  for (int i = 0; i < 60 && !closed; ++i) {
    dribbles.say("X");
    dribbles.hear(closed, 50);
  }
  CHECK(closed);
  CHECK(timeouts(server) == 1);
}

TEST_CASE("a handler that hangs is answered for with 504, one that throws with 500") {
  auto options = loopback();
  options.handler_timeout = Millis(100);
  Router router;
  auto hang = [](Request) -> net::Task<Response> {
    const auto never = std::chrono::steady_clock::now() + std::chrono::hours(1);
    co_await net::sleep_until(never);
    co_return Response{};
  };
  auto throws = [](Request) -> net::Task<Response> {
    throw std::runtime_error("inner detail");
    co_return Response{};
  };
  router.add("GET", "/hang", Right::none, hang);
  router.add("GET", "/throw", Right::none, throws);
  RunningServer server(options, router);
  ClientRequest request;
  request.url = server.url("/hang");
  CHECK(ask(request).status == 504);
  request.url = server.url("/throw");
  const auto answer = ask(request);
  CHECK(answer.status == 500);
  CHECK(answer.body.find("inner detail") == std::string::npos);
}

TEST_CASE("a Host header of another name is refused on loopback") {
  auto options = loopback();
  options.allowed_hosts = {"db1.example"};
  RunningServer server(options, echo_router());
  const auto status_for = [&](const std::string& host) {
    ClientRequest request;
    request.url = server.url("/open");
    request.headers = {{"Host", host}};
    return ask(request).status;
  };
  for (const auto* host : {"localhost", "LOCALHOST:9187", "127.0.0.1:1", "[::1]:9187", "db1.example:9187"})
    CHECK(status_for(host) == 200);
  for (const auto* host : {"evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "127.evil.example:80"})
    CHECK(status_for(host) == 403);
}

TEST_CASE("a form that a web page can send changes nothing") {
  RunningServer server(loopback(), echo_router());
  ClientRequest request;
  request.method = "POST";
  request.url = server.url("/open");
  request.body = "{}";
  for (const auto* type : {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"}) {
    request.headers = {{"Content-Type", type}};
    CHECK(ask(request).status == 415);
  }
  request.headers = {{"Content-Type", "application/json; charset=utf-8"}};
  CHECK(ask(request).status == 200);
  // A route that only reads takes a form, and nothing but a form.
  request.url = server.url("/ask");
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
  CHECK(ask(request).status == 200);
  request.headers = {{"Content-Type", "text/plain"}};
  CHECK(ask(request).status == 415);
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
  request.url = server.url("/ask/of/1");
  CHECK(ask(request).status == 200);
  // A client that has put all it asks into the address sends no body.
  ClientRequest bare;
  bare.method = "POST";
  bare.url = server.url("/ask");
  CHECK(ask(bare).status == 200);
  bare.url = server.url("/approve/1");
  CHECK(ask(bare).status == 415);
  request.url = server.url("/approve/1");
  CHECK(ask(request).status == 415);
  // Where nothing can be changed, the type is no matter.
  request.url = server.url("/nothing");
  CHECK(ask(request).status == 404);
  request.url = server.url("/view");
  CHECK(ask(request).status == 405);
}

TEST_CASE("one connection too many closes the one that has waited longest for a request") {
  auto options = loopback();
  options.max_connections = 2;
  RunningServer server(options, echo_router());
  RawPeer first(server.port()), second(server.port());
  first.say(get("/open"));
  first.hear_until("GET /open");
  second.say(get("/open"));
  second.hear_until("GET /open");
  RawPeer third(server.port());
  third.say(get("/open"));
  CHECK_THAT(third.hear_until("GET /open"), ContainsSubstring("200 OK"));
  CHECK(first.hear().empty());
  CHECK(server.counts().refused_connections == 0);
  second.say(get("/open"));
  CHECK_THAT(second.hear_until("GET /open"), ContainsSubstring("200 OK"));
}

TEST_CASE("when all connections are busy one more is told 503, and the unix socket still answers") {
  const TemporaryFolder folder;
  auto options = loopback();
  options.max_connections = 2;
  options.unix_path = folder.file("api.sock");
  RunningServer server(options, echo_router());
  // Its request has begun: it is waited for.
  const std::string begun = "GET /open HTTP/1.1\r\nHost: localhost\r\n";
  RawPeer first(server.port()), second(server.port());
  first.say(begun);
  second.say(begun);
  while (server.counts().busy_connections < 2) std::this_thread::yield();
  RawPeer third(server.port());
  CHECK_THAT(third.hear(), ContainsSubstring("HTTP/1.1 503"));
  CHECK(server.counts().refused_connections == 1);
  ClientRequest request;
  request.url = "http://localhost/open";
  request.unix_socket = options.unix_path;
  CHECK(ask(request).status == 200);
  first.say("\r\n");
  CHECK_THAT(first.hear_until("GET /open"), ContainsSubstring("200 OK"));
}

TEST_CASE("the unix socket knows its peer's uid and that decides the rights") {
  const TemporaryFolder folder;
  auto options = loopback();
  options.listen.clear();
  options.unix_path = folder.file("api.sock");
  AuthOptions auth;
  auth.uids = {{::getuid(), Right::approver}};
  RunningServer server(options, echo_router(), auth);
  REQUIRE(server.started());
  ClientRequest request;
  request.method = "POST";
  request.url = "http://localhost/approve/42";
  request.unix_socket = options.unix_path;
  request.headers = {{"Content-Type", "application/json"}};
  const auto answer = ask(request);
  CHECK(answer.status == 200);
  CHECK_THAT(answer.body, ContainsSubstring("via socket"));
  request.url = "http://localhost/admin";
  CHECK(ask(request).status == 403);
  CHECK((std::filesystem::status(options.unix_path).permissions() & std::filesystem::perms::others_all) ==
        std::filesystem::perms::none);
}

TEST_CASE("a socket file left by a dead process is replaced, a living one is not") {
  const TemporaryFolder folder;
  auto options = loopback();
  options.listen.clear();
  options.unix_path = folder.file("api.sock");
  {
    const int dead = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    options.unix_path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(dead, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    ::close(dead);
  }
  RunningServer server(options, echo_router());
  CHECK(server.started());
  RunningServer second(options, echo_router());
  REQUIRE_FALSE(second.started());
  CHECK(second.started().error().code == Errc::conflict);
  server.stop();
  CHECK_FALSE(std::filesystem::exists(options.unix_path));
}

TEST_CASE("an address beyond loopback needs TLS and tokens") {
  auto options = loopback();
  for (const auto* address : {"0.0.0.0:0", "[::]:0"}) {
    options.listen = address;
    AuthOptions auth;
    auth.tokens = {{"a", sha256_hex("x"), Right::viewer}};
    RunningServer server(options, echo_router(), auth);
    REQUIRE_FALSE(server.started());
    CHECK(server.started().error().code == Errc::config);
    CHECK_THAT(server.started().error().message, ContainsSubstring("TLS"));
  }
  for (const auto* address : {"nonsense", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", "example.org:80"}) {
    options.listen = address;
    RunningServer server(options, echo_router());
    REQUIRE_FALSE(server.started());
    CHECK(server.started().error().code == Errc::config);
  }
}

TEST_CASE("a port in use is a conflict") {
  RunningServer server(loopback(), echo_router());
  auto options = loopback();
  options.listen = "127.0.0.1:" + std::to_string(server.port());
  RunningServer second(options, echo_router());
  REQUIRE_FALSE(second.started());
  CHECK(second.started().error().code == Errc::conflict);
}

TEST_CASE("stopping lets a running request end and closes idle connections at once") {
  Router router;
  auto slow = [](Request) -> net::Task<Response> {
    const auto soon = std::chrono::steady_clock::now() + Millis(150);
    co_await net::sleep_until(soon);
    Response response;
    response.body = "finished";
    co_return response;
  };
  router.add("GET", "/slow", Right::none, slow);
  RunningServer server(loopback(), router);
  RawPeer idle(server.port()), busy(server.port());
  busy.say(get("/slow"));
  while (server.counts().requests == 0) std::this_thread::yield();
  server.stop();
  CHECK_THAT(busy.hear(), ContainsSubstring("finished"));
  bool closed = false;
  idle.hear(closed, 1000);
  CHECK(closed);
}
