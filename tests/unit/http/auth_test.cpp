#include "agent/http/auth.hpp"

#include <unistd.h>

#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::http;

namespace {

Authenticator with_tokens() {
  AuthOptions options;
  options.tokens = {{"grafana", sha256_hex("view-me"), Right::viewer}, {"ops", sha256_hex("do-it"), Right::approver}};
  options.uids = {{4242, Right::approver}};
  return Authenticator::make(options).value();
}

Request from_tcp(const std::string& method, const std::string& authorization = {}) {
  Request request;
  request.method = method;
  request.peer.address = "127.0.0.1";
  if (!authorization.empty()) request.headers["authorization"] = authorization;
  return request;
}

}  // namespace

TEST_CASE("SHA-256 agrees with the standard's example") {
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("a token gives its own name and right, whatever the case of the scheme") {
  const auto auth = with_tokens();
  for (const auto* scheme : {"Bearer ", "bearer ", "BEARER  "}) {
    const auto identity = auth.identify(from_tcp("POST", std::string(scheme) + "do-it"));
    REQUIRE(identity);
    CHECK(identity->name == "token:ops");
    CHECK(identity->right == Right::approver);
  }
}

TEST_CASE("an unknown token is refused even where none would be needed") {
  const auto auth = with_tokens();
  for (const auto* value : {"Bearer nonsense", "Bearer ", "Basic dXNlcjpwYXNz", "do-it"}) {
    const auto identity = auth.identify(from_tcp("GET", value));
    REQUIRE_FALSE(identity);
    CHECK(identity.error().code == Errc::permission);
    CHECK(identity.error().message.find("nonsense") == std::string::npos);
  }
}

TEST_CASE("the stored hash itself is no token") {
  CHECK_FALSE(with_tokens().identify(from_tcp("POST", "Bearer " + sha256_hex("do-it"))));
}

TEST_CASE("loopback without a token reads as viewer and writes as nobody") {
  const auto auth = with_tokens();
  CHECK(auth.identify(from_tcp("GET"))->right == Right::viewer);
  CHECK(auth.identify(from_tcp("HEAD"))->right == Right::viewer);
  for (const auto* method : {"PUT", "DELETE", "OPTIONS"})
    CHECK(auth.identify(from_tcp(method))->right == Right::none);
  auto form = from_tcp("POST");
  form.headers["content-length"] = "2";
  CHECK(auth.identify(form)->right == Right::none);
  // Without a body it can only ask.
  form.headers["content-length"] = "0";
  CHECK(auth.identify(form)->right == Right::viewer);
  form.headers.clear();
  CHECK(auth.identify(form)->right == Right::viewer);
  form.headers["content-type"] = "application/x-www-form-urlencoded; charset=utf-8";
  CHECK(auth.identify(form)->right == Right::viewer);
  form.headers["content-type"] = "application/json";
  CHECK(auth.identify(form)->right == Right::none);
}

TEST_CASE("another address without a token is nobody") {
  auto request = from_tcp("GET");
  request.peer.address = "192.0.2.7";
  CHECK(with_tokens().identify(request)->right == Right::none);
}

TEST_CASE("the socket's peer has the right of its uid, others the right for others") {
  const auto auth = with_tokens();
  Request request;
  request.method = "POST";
  request.peer.unix_socket = true;
  request.peer.uid = 4242;
  request.headers["content-type"] = "application/json";
  CHECK(auth.identify(request)->right == Right::approver);
  CHECK(auth.identify(request)->name == "person:uid 4242 via socket");
  request.headers["content-type"] = "application/x-www-form-urlencoded";
  CHECK(auth.identify(request)->right == Right::viewer);
  request.headers.clear();
  request.peer.uid = 4243;
  CHECK(auth.identify(request)->right == Right::none);
  request.peer.uid.reset();
  CHECK(auth.identify(request)->right == Right::none);
}

TEST_CASE("a hash that is none and a name given twice are configuration errors") {
  AuthOptions bad;
  bad.tokens = {{"a", "plain-text-token", Right::admin}};
  REQUIRE_FALSE(Authenticator::make(bad));
  CHECK(Authenticator::make(bad).error().code == Errc::config);
  CHECK(Authenticator::make(bad).error().message.find("plain-text-token") == std::string::npos);
  AuthOptions twice;
  twice.tokens = {{"a", sha256_hex("x"), Right::viewer}, {"a", sha256_hex("y"), Right::admin}};
  CHECK_FALSE(Authenticator::make(twice));
}

TEST_CASE("a user is found by name and by number") {
  CHECK(uid_of("root") == 0U);
  CHECK(uid_of("1234") == 1234U);
  CHECK_FALSE(uid_of("no-such-user-here"));
}
