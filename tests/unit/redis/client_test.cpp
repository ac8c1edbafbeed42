// The client against Debian's Redis, and against peers that are none.
#include "agent/redis/client.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <thread>

#include "tests/support/catch.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/run_io.hpp"

using namespace pgtend;
using namespace pgtend::redis;
using namespace pgtend::test;
using Tcp = boost::asio::ip::tcp;

namespace {

Deadline in(Millis time) {
  return std::chrono::steady_clock::now() + time;
}

// Connects and sends one command.
Result<Value> ask(IoWorld& world, ConnectSpec spec, std::vector<std::string> words, Millis time = Millis(5'000)) {
  auto client = world.run(Client::connect(std::move(spec), world.blocking(), in(time)));
  if (!client) return fail(std::move(client.error()));
  return world.run((*client)->command(std::move(words), in(time)));
}

ConnectSpec to(int port, std::string user = "", std::string password = "") {
  ConnectSpec out;
  out.target.host = "127.0.0.1";
  out.target.port = port;
  out.user = std::move(user);
  out.password = std::move(password);
  return out;
}

// Accepts one peer, waits for its first command, and answers these bytes.
class FakePeer {
 public:
  explicit FakePeer(std::string answer, bool hang_up = true)
      : acceptor_(context_, Tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)), thread_([=, this] {
          Tcp::socket socket(context_);
          boost::system::error_code error;
          acceptor_.accept(socket, error);
          std::string heard;
          boost::asio::read_until(socket, boost::asio::dynamic_buffer(heard), "\r\n", error);
          boost::asio::write(socket, boost::asio::buffer(answer), error);
          // Until the other side has had enough.
          while (!hang_up && !error) socket.read_some(boost::asio::buffer(heard), error);
        }) {}
  ~FakePeer() { thread_.join(); }
  FakePeer(const FakePeer&) = delete;
  FakePeer& operator=(const FakePeer&) = delete;
  [[nodiscard]] int port() const { return acceptor_.local_endpoint().port(); }

 private:
  boost::asio::io_context context_;
  Tcp::acceptor acceptor_;
  std::thread thread_;
};

}  // namespace

TEST_CASE("Redis answers over TCP, a host name and a unix socket") {
  RedisServer server;
  IoWorld world;
  const auto pong = ask(world, to(server.port()), {"PING"});
  REQUIRE(pong);
  CHECK(pong->text == "PONG");
  auto named = to(server.port());
  named.target.host = "localhost";
  CHECK(ask(world, named, {"PING"}));
  ConnectSpec local;
  local.target.unix_path = server.socket();
  const auto info = ask(world, local, {"INFO", "server"});
  REQUIRE(info);
  CHECK(info->text.find("redis_version:7.") != std::string::npos);
  const auto bad = ask(world, local, {"NOSUCH", "secret"});
  REQUIRE_FALSE(bad);
  CHECK(bad.error().code == Errc::unsupported);
  CHECK(bad.error().describe().find("secret") == std::string::npos);
  const auto big = ask(world, local, {"ECHO", std::string(600'000, 'x')});
  REQUIRE(big);
  CHECK(big->text.size() == 600'000);
}

TEST_CASE("a password, an ACL user with a password, and those that are wrong") {
  RedisServer server({{"--requirepass", "open sesame", "--user", "watcher", "on", ">w4tch", "+info", "+ping"}, false});
  IoWorld world;
  CHECK(ask(world, to(server.port(), "", "open sesame"), {"PING"}));
  CHECK(ask(world, to(server.port(), "watcher", "w4tch"), {"INFO"}));
  const auto none = ask(world, to(server.port()), {"PING"});
  REQUIRE_FALSE(none);
  CHECK(none.error().code == Errc::permission);
  for (const auto& [user, password] : {std::pair{"", "sesame"}, std::pair{"watcher", "open sesame"}}) {
    const auto wrong = ask(world, to(server.port(), user, password), {"PING"});
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().code == Errc::permission);
    CHECK(wrong.error().message == "the password was refused (WRONGPASS)");
  }
  const auto more = ask(world, to(server.port(), "watcher", "w4tch"), {"GET", "a"});
  REQUIRE_FALSE(more);
  CHECK(more.error().code == Errc::permission);
  CHECK(more.error().message.starts_with("NOPERM"));
}

TEST_CASE("over TLS the server must prove its name") {
  RedisServer server({{}, true});
  IoWorld world;
  auto spec = to(server.port());
  spec.target.tls = net::TlsOptions{server.ca(), "", "", ""};
  CHECK(ask(world, spec, {"PING"}));
  spec.target.host = "localhost";
  CHECK(ask(world, spec, {"PING"}));
  spec.target.tls->server_name = "elsewhere.example";
  const auto other = ask(world, spec, {"PING"});
  REQUIRE_FALSE(other);
  CHECK(other.error().code == Errc::refused);
  CHECK(other.error().message.starts_with("tls_verify_failed: "));
  // The system's authorities did not sign it.
  spec.target.tls = net::TlsOptions{};
  const auto unknown = ask(world, spec, {"PING"});
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code == Errc::refused);
  spec.target.tls = net::TlsOptions{"/none/ca.crt", "", "", ""};
  const auto missing = ask(world, spec, {"PING"});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == Errc::config);
  CHECK(missing.error().message.find("/none/ca.crt") != std::string::npos);
  // Plain words are no answer there.
  CHECK_FALSE(ask(world, to(server.port()), {"PING"}));
}

TEST_CASE("nobody there, no such host, and one who does not speak in time") {
  IoWorld world;
  const auto gone = ask(world, to(free_port()), {"PING"});
  REQUIRE_FALSE(gone);
  CHECK(gone.error().code == Errc::unavailable);
  auto nowhere = to(1);
  nowhere.target.host = "no.such.host.invalid";
  CHECK_FALSE(ask(world, nowhere, {"PING"}));
  FakePeer silent("", false);
  const auto begun = std::chrono::steady_clock::now();
  const auto late = ask(world, to(silent.port()), {"PING"}, Millis(300));
  REQUIRE_FALSE(late);
  CHECK(late.error().code == Errc::timeout);
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(3));
}

TEST_CASE("peers that answer something else give an error and end the session") {
  const std::pair<std::string, Errc> cases[] = {
      {"HTTP/1.1 400 Bad Request\r\n\r\n", Errc::parse},
      {"$5\r\nabcdefgh\r\n", Errc::parse},
      {"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", Errc::parse},
      {"$2147483647\r\n", Errc::parse},
      {"$10\r\nabc", Errc::unavailable},
      {"", Errc::unavailable},
      {"-ERR max number of clients reached\r\n", Errc::resource_exhausted},
  };
  for (const auto& [answer, code] : cases) {
    INFO(answer);
    FakePeer peer(answer);
    IoWorld world;
    auto client = world.run(Client::connect(to(peer.port()), world.blocking(), in(Millis(5'000))));
    REQUIRE(client);
    const auto reply = world.run((*client)->command({"INFO"}, in(Millis(5'000))));
    REQUIRE_FALSE(reply);
    CHECK(reply.error().code == code);
    CHECK_FALSE((*client)->healthy());
    CHECK_FALSE(world.run((*client)->command({"INFO"}, in(Millis(5'000)))));
  }
}

TEST_CASE("a peer that repeats the password in its refusal does not bring it into the error") {
  for (const std::string answer : {"-ERR wrong, hunter2\r\n", "-HUNTER hunter2\r\n", "-hunter2 is wrong\r\n"}) {
    FakePeer peer(answer);
    IoWorld world;
    const auto refused = ask(world, to(peer.port(), "", "hunter2"), {"PING"});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::permission);
    CHECK(refused.error().describe().find("hunter2") == std::string::npos);
  }
  FakePeer peer("-SECRET no\r\n");
  IoWorld world;
  CHECK(ask(world, to(peer.port(), "", "SECRET"), {"PING"}).error().describe() == "the password was refused");
}
