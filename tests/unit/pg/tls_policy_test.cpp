#include "agent/pg/tls_policy.hpp"

#include "tests/support/catch.hpp"

using namespace pgtend;
using pg::ConnectSpec;
using pg::hardened_parameters;

namespace {
ConnectSpec to_host(const std::string& host) {
  ConnectSpec spec;
  spec.parameters["host"] = host;
  return spec;
}
}  // namespace

TEST_CASE("a host that is not loopback gets verify-full") {
  const auto parameters = hardened_parameters(to_host("db1.example"));
  REQUIRE(parameters);
  REQUIRE(parameters->at("sslmode") == "verify-full");
}

TEST_CASE("a weaker sslmode to such a host is a configuration error unless it is allowed") {
  auto spec = to_host("10.0.0.5");
  for (const char* mode : {"disable", "prefer", "require", "verify-ca"}) {
    spec.parameters["sslmode"] = mode;
    spec.insecure_ok = false;
    const auto refused = hardened_parameters(spec);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::config);
    CHECK_THAT(refused.error().message, ContainsSubstring("verify-full"));
    spec.insecure_ok = true;
    const auto allowed = hardened_parameters(spec);
    REQUIRE(allowed);
    CHECK(allowed->at("sslmode") == mode);
  }
}

TEST_CASE("one remote host in a list of hosts is enough to ask for verification") {
  const auto parameters = hardened_parameters(to_host("localhost,db2.example"));
  REQUIRE(parameters);
  REQUIRE(parameters->at("sslmode") == "verify-full");
}

TEST_CASE("a socket folder and loopback keep libpq's own mode") {
  for (const char* host : {"/run/postgresql", "localhost", "127.0.0.1", "127.1.2.3", "::1"}) {
    INFO(host);
    const auto parameters = hardened_parameters(to_host(host));
    REQUIRE(parameters);
    CHECK(parameters->count("sslmode") == 0);
  }
  CHECK_FALSE(pg::is_loopback("127.0.0.1.evil.example"));
}

TEST_CASE("a revocation file that is not there is an error, though libpq would ignore it") {
  auto spec = to_host("localhost");
  spec.parameters["sslcrl"] = "/nonexistent/revoked.crl";
  const auto refused = hardened_parameters(spec);
  REQUIRE_FALSE(refused);
  REQUIRE(refused.error().code == Errc::config);
  REQUIRE_THAT(refused.error().message, ContainsSubstring("sslcrl=/nonexistent/revoked.crl"));
}

TEST_CASE("only names need the resolver") {
  CHECK(pg::needs_resolver({{"host", "db1"}}));
  CHECK(pg::needs_resolver({{"host", "127.0.0.1,db1"}}));
  CHECK_FALSE(pg::needs_resolver({{"host", "127.0.0.1,::1,/run/postgresql"}}));
  CHECK_FALSE(pg::needs_resolver({{"host", "db1"}, {"hostaddr", "10.0.0.5"}}));
}
