// The collector of a cache against Debian's Redis.
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <thread>

#include "agent/engine/neighbour.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/run_io.hpp"
#include "tests/unit/config/folder.hpp"

using namespace pgtend;
using namespace pgtend::test;
using engine::NeighbourAnswer;

namespace {

class Asker {
 public:
  explicit Asker(config::RedisConfig config) : timeout_(config.timeout) {
    neighbour_ = engine::make_redis(config, world_.blocking(), clock_);
  }
  Result<NeighbourAnswer> ask() {
    auto answer = world_.run(neighbour_->ask(clock_.steady_now() + timeout_));
    if (!answer) neighbour_->hang_up();
    return answer;
  }

 private:
  IoWorld world_;
  SystemClock clock_;
  Millis timeout_;
  std::unique_ptr<engine::Neighbour> neighbour_;
};

config::RedisConfig section(int port) {
  config::RedisConfig out;
  out.port = port;
  out.timeout = Millis(5'000);
  return out;
}

std::optional<double> value(const NeighbourAnswer& answer, const std::string& name) {
  for (const auto& sample : answer.samples)
    if (sample.key->name == name) return sample.value;
  return std::nullopt;
}

std::uint64_t epoch_of(const NeighbourAnswer& answer) {
  for (const auto& sample : answer.samples)
    if (sample.kind == MetricKind::counter) return sample.epoch;
  return 0;
}

}  // namespace

TEST_CASE("the figures of Redis are those of what clients did to it") {
  RedisServer server({{"--maxmemory", "64mb", "--slowlog-log-slower-than", "0", "--latency-monitor-threshold", "1",
                       "--enable-debug-command", "yes"},
                      false});
  server.cli({"SET", "a", "1"});
  Asker asker(section(server.port()));
  const auto first = asker.ask();
  REQUIRE(first);
  CHECK(first->lost.empty());
  CHECK(first->version.starts_with("7."));
  CHECK(value(*first, "redis_memory_max_bytes") == 64 << 20);
  CHECK(value(*first, "redis_db_keys") == 1);
  CHECK(value(*first, "redis_slowlog_length") > 0);
  CHECK(value(*first, "pgtend_redis_round_trip_seconds") > 0);
  CHECK(value(*first, "pgtend_redis_hit_ratio") == std::nullopt);
  for (const std::string key : {"a", "a", "a", "none"}) server.cli({"GET", key});
  server.cli({"DEBUG", "SLEEP", "0.01"});
  const auto second = asker.ask();
  REQUIRE(second);
  CHECK(value(*second, "pgtend_redis_hit_ratio") == 0.75);
  CHECK(value(*second, "redis_keyspace_hits_total") == 3);
  CHECK(value(*second, "redis_latency_spike_duration_seconds") >= 0.01);
  CHECK(epoch_of(*second) == epoch_of(*first));
}

TEST_CASE("a Redis that is gone is unavailable, and one that is back answers in the same run, in a new epoch") {
  RedisServer server;
  Asker asker(section(server.port()));
  const auto before = asker.ask();
  REQUIRE(before);
  server.stop();
  server.start();
  const auto after = asker.ask();
  REQUIRE(after);
  CHECK(epoch_of(*after) != epoch_of(*before));
  server.stop();
  const auto gone = asker.ask();
  REQUIRE_FALSE(gone);
  CHECK(gone.error().code == Errc::unavailable);
  server.start();
  CHECK(asker.ask());
}

TEST_CASE("a password, a wrong one, none, and a new one in the same file") {
  RedisServer server({{"--requirepass", "first"}, false});
  Folder folder;
  auto config = section(server.port());
  config.password_file = folder.write("password", "first\n");
  Asker asker(config);
  CHECK(asker.ask());
  folder.write("password", "wrong-word\n");
  Asker wrong(config);
  const auto refused = wrong.ask();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::permission);
  CHECK(refused.error().describe() ==
        "the password was refused (WRONGPASS); cure: give the password of default in redis's password_file");
  folder.write("password", "first\n");
  CHECK(wrong.ask());
  const auto none = Asker(section(server.port())).ask();
  REQUIRE_FALSE(none);
  CHECK(none.error().code == Errc::permission);
  CHECK(none.error().message.find("password_file") != std::string::npos);
}

TEST_CASE("the documented ACL user may ask everything, one with less loses what it may not, with the cure") {
  RedisServer server(
      {{"--user", "pgtend", "on", ">watch", "+ping", "+info", "+slowlog|len", "+latency|latest"}, false});
  server.cli({"ACL", "SETUSER", "little", "on", ">watch", "+info"});
  server.cli({"ACL", "SETUSER", "nothing", "on", ">watch"});
  Folder folder;
  auto config = section(server.port());
  config.password_file = folder.write("password", "watch\n");
  config.user = "pgtend";
  const auto all = Asker(config).ask();
  REQUIRE(all);
  CHECK(all->lost.empty());
  config.user = "little";
  const auto some = Asker(config).ask();
  REQUIRE(some);
  CHECK(some->lost == std::vector<std::string>{"SLOWLOG LEN", "LATENCY LATEST", "PING"});
  CHECK(value(*some, "redis_memory_used_bytes") > 0);
  config.user = "nothing";
  const auto none = Asker(config).ask();
  REQUIRE_FALSE(none);
  CHECK(none.error().code == Errc::permission);
  CHECK(none.error().message.find("ACL SETUSER nothing +ping +info +slowlog|len +latency|latest") != std::string::npos);
}

TEST_CASE("over TLS, with the authority that signed its certificate and with another") {
  RedisServer server({{}, true});
  auto config = section(server.port());
  config.tls = true;
  config.ca_file = server.ca();
  const auto proven = Asker(config).ask();
  REQUIRE(proven);
  REQUIRE(proven->certificate_not_after);
  CHECK(to_seconds(*proven->certificate_not_after) - static_cast<double>(std::time(nullptr)) ==
        Approx(2 * 86'400).margin(600));
  config.ca_file.clear();
  const auto unknown = Asker(config).ask();
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code == Errc::refused);
}

TEST_CASE("a peer that is no Redis gives an error, whatever it says") {
  using Tcp = boost::asio::ip::tcp;
  for (const std::string answers : {"+PONG\r\n$7\r\nnothing\r\n:0\r\n*0\r\n", "+PONG\r\n:5\r\n:0\r\n*0\r\n",
                                    "+PONG\r\n*2\r\n", "hello\r\n", "+PONG\r\n$5\r\nabc"}) {
    INFO(answers);
    boost::asio::io_context context;
    Tcp::acceptor acceptor(context, Tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
    std::thread peer([&] {
      Tcp::socket socket(context);
      boost::system::error_code error;
      acceptor.accept(socket, error);
      boost::asio::write(socket, boost::asio::buffer(answers), error);
      socket.shutdown(Tcp::socket::shutdown_send, error);
      char heard[512];
      while (!error) socket.read_some(boost::asio::buffer(heard), error);
    });
    const auto answer = Asker(section(acceptor.local_endpoint().port())).ask();
    peer.join();
    REQUIRE_FALSE(answer);
    CHECK((answer.error().code == Errc::parse || answer.error().code == Errc::unavailable));
  }
}
