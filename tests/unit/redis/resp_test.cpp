#include "agent/redis/resp.hpp"

#include "agent/redis/client.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::redis;

namespace {

// The replies in `bytes`, then "more" or the error.
std::string read(const std::string& bytes, RespLimits limits = {}) {
  RespDecoder decoder(limits);
  decoder.feed(bytes);
  std::string out;
  const std::function<void(const Value&)> show = [&](const Value& value) {
    switch (value.kind) {
      case Value::Kind::null:
        out += "null ";
        break;
      case Value::Kind::text:
        out += "'" + value.text + "' ";
        break;
      case Value::Kind::error:
        out += "!" + value.text + "! ";
        break;
      case Value::Kind::integer:
        out += std::to_string(value.integer) + " ";
        break;
      case Value::Kind::array:
        out += "[ ";
        for (const auto& item : value.items) show(item);
        out += "] ";
        break;
    }
  };
  while (true) {
    const auto reply = decoder.next();
    if (!reply) return out + reply.error().message;
    if (!*reply) return out + "more";
    show(**reply);
  }
}

}  // namespace

TEST_CASE("a command is an array of bulk strings, whatever bytes they hold") {
  const std::vector<std::string> words{"SET", "a\r\nb", ""};
  CHECK(encode_command(words) == "*3\r\n$3\r\nSET\r\n$4\r\na\r\nb\r\n$0\r\n\r\n");
}

TEST_CASE("every kind of reply is read") {
  CHECK(read("+PONG\r\n") == "'PONG' more");
  CHECK(read("-ERR no\r\n") == "!ERR no! more");
  CHECK(read(":-42\r\n") == "-42 more");
  CHECK(read("$5\r\na\r\nb!\r\n") == "'a\r\nb!' more");
  CHECK(read("$0\r\n\r\n") == "'' more");
  CHECK(read("$-1\r\n*-1\r\n") == "null null more");
  CHECK(read("*0\r\n") == "[ ] more");
  CHECK(read("*2\r\n*2\r\n:1\r\n$1\r\nx\r\n+y\r\n:3\r\n") == "[ [ 1 'x' ] 'y' ] 3 more");
  CHECK(read("") == "more");
  CHECK(read("$5\r\nabc") == "more");
  CHECK(read("*2\r\n:1\r\n") == "more");
  CHECK(read("+PONG\r") == "more");
}

TEST_CASE("replies cut anywhere are the same") {
  const std::string bytes = "*3\r\n$3\r\nabc\r\n*1\r\n:7\r\n-ERR x\r\n+ok\r\n";
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    RespDecoder decoder;
    std::vector<Value> got;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      decoder.feed(std::string_view(bytes).substr(at, piece));
      while (true) {
        auto reply = decoder.next();
        REQUIRE(reply);
        if (!*reply) break;
        got.push_back(std::move(**reply));
      }
    }
    REQUIRE(got.size() == 2);
    CHECK(got[0].items.size() == 3);
    CHECK(got[0].items[1].items[0].integer == 7);
    CHECK(got[1].text == "ok");
  }
}

TEST_CASE("what is no RESP2 is an error that stays") {
  CHECK(read("HTTP/1.1 200 OK\r\n") == "malformed reply: it begins with none of + - : $ *");
  CHECK(read("%1\r\n") == "malformed reply: it begins with none of + - : $ *");
  CHECK(read("\r\n") == "malformed reply: an empty line");
  CHECK(read("+a\nb\r\n") == "malformed reply: a line ends without a carriage return");
  CHECK(read("+a\rb\r\n") == "malformed reply: a carriage return within a line");
  CHECK(read(":4x\r\n") == "malformed reply: a number was expected");
  CHECK(read("$\r\n") == "malformed reply: a number was expected");
  CHECK(read("$99999999999999999999\r\n") == "malformed reply: a number was expected");
  CHECK(read("$-2\r\n") == "malformed reply: a negative length");
  CHECK(read("$2\r\nabc\r\n") == "malformed reply: a text is longer than its length says");
  RespDecoder decoder;
  decoder.feed("x\r\n");
  CHECK_FALSE(decoder.next());
  decoder.feed("+PONG\r\n");
  CHECK_FALSE(decoder.next());
}

TEST_CASE("no reply is larger, longer or deeper than the limits, and an announcement alone costs nothing") {
  const RespLimits limits{100, 4, 2, 20};
  CHECK(read("$101\r\n", limits) == "malformed reply: it is longer than 100 bytes");
  CHECK(read("$9000000000000000000\r\n", limits) == "malformed reply: it is longer than 100 bytes");
  CHECK(read("*3\r\n$60\r\n" + std::string(60, 'a') + "\r\n$60\r\n", limits) ==
        "malformed reply: it is longer than 100 bytes");
  CHECK(read("*5\r\n", limits) == "malformed reply: it has more than 4 items");
  CHECK(read("*4\r\n*1\r\n:1\r\n*1\r\n:1\r\n*2\r\n:1\r\n:1\r\n:1\r\n", limits) ==
        "malformed reply: it has more than 4 items");
  CHECK(read("*1\r\n*1\r\n*1\r\n", limits) == "malformed reply: it is nested deeper than 2");
  CHECK(read("+" + std::string(30, 'a'), limits) == "malformed reply: a line is longer than 20 bytes");
  CHECK(read("$80\r\n" + std::string(80, 'a') + "\r\n:1\r\n", limits) == "'" + std::string(80, 'a') + "' 1 more");
}

TEST_CASE("error replies are told apart and quote no argument") {
  CHECK(reply_error("NOAUTH Authentication required.").code == Errc::permission);
  CHECK(reply_error("NOPERM this user has no permissions to run the 'info' command").code == Errc::permission);
  CHECK(reply_error("LOADING Redis is loading the dataset in memory").code == Errc::unavailable);
  CHECK(reply_error("ERR max number of clients reached").code == Errc::resource_exhausted);
  CHECK(reply_error("ERR other").code == Errc::server);
  const auto unknown = reply_error("ERR unknown command 'AUHT', with args beginning with: 'secret' ");
  CHECK(unknown.code == Errc::unsupported);
  CHECK(unknown.message == "ERR unknown command 'AUHT'");
  CHECK(reply_error("ERR a\x01"
                    "b")
            .message == "ERR a b");
  CHECK(reply_error(std::string(5'000, 'x')).message.size() == 200);
}
