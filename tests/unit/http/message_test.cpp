#include "agent/http/message.hpp"

#include "agent/http/auth.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::http;

TEST_CASE("a target is split into path and decoded query, repeated names kept in order") {
  Request request;
  REQUIRE(split_target("/v1/series?match[]=a%7Bx%3D%22y%22%7D&match[]=b&expr=1+%2B+1&flag&", request));
  CHECK(request.path == "/v1/series");
  CHECK(request.query.at("match[]") == "a{x=\"y\"}");
  CHECK(request.query.at("expr") == "1 + 1");
  CHECK(request.query.at("flag").empty());
  REQUIRE(request.query_items.size() == 4);
  CHECK(request.query_items[1].second == "b");
}

TEST_CASE("malformed escapes and targets are refused") {
  Request request;
  CHECK_FALSE(split_target("", request));
  CHECK_FALSE(split_target("http://elsewhere/", request));
  CHECK_FALSE(split_target("/a%", request));
  CHECK_FALSE(split_target("/a%zz", request));
  CHECK_FALSE(split_target("/a?x=%0", request));
  CHECK_FALSE(split_target("/a%00b", request));
}

TEST_CASE("percent encoding reads back as the same bytes") {
  std::string all;
  for (int i = 1; i < 256; ++i) all += static_cast<char>(i);
  CHECK(percent_decode(percent_encode(all)) == all);
}

TEST_CASE("an error answer is valid JSON whatever its text holds") {
  const auto response = error_response(400, "bad", "a \"quote\", a \\ and a\nline", "hint");
  CHECK(response.status == 400);
  CHECK(response.body ==
        "{\"error\":{\"code\":\"bad\",\"message\":\"a \\\"quote\\\", a \\\\ and a\\u000aline\",\"hint\":\"hint\"}}\n");
}

TEST_CASE("only literal loopback addresses are loopback") {
  for (const auto* address : {"127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"}) CHECK(is_loopback(address));
  for (const auto* address : {"127.evil.example", "10.0.0.1", "0.0.0.0", "::", "::ffff:10.0.0.1", "localhost", ""})
    CHECK_FALSE(is_loopback(address));
}

TEST_CASE("the names of rights read back") {
  for (const auto right : {Right::none, Right::viewer, Right::approver, Right::admin})
    CHECK(parse_right(to_string(right)) == right);
  CHECK_FALSE(parse_right("root"));
}
