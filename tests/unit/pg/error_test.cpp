#include "agent/pg/error.hpp"

#include "tests/support/catch.hpp"

using namespace pgtend;
using pg::RetryClass;

TEST_CASE("every SQLSTATE of the retry table has its class") {
  struct Row {
    const char* sqlstate;
    RetryClass expected;
  };
  const Row rows[] = {
      {"57P01", RetryClass::fast},         {"57P02", RetryClass::fast},
      {"57P03", RetryClass::fast},         {"08006", RetryClass::fast},
      {"08001", RetryClass::fast},         {"53300", RetryClass::fast},
      {"28P01", RetryClass::slow},         {"28000", RetryClass::slow},
      {"3D000", RetryClass::slow},         {"42501", RetryClass::slow},
      {"40001", RetryClass::unit},         {"40P01", RetryClass::unit},
      {"55P03", RetryClass::unit},         {"57014", RetryClass::never_halve_rate},
      {"25006", RetryClass::role_changed}, {"53100", RetryClass::stop},
      {"53200", RetryClass::stop},         {"XX001", RetryClass::stop},
      {"XX002", RetryClass::stop},         {"42601", RetryClass::none},
      {"42P01", RetryClass::none},         {"", RetryClass::none},
  };
  for (const auto& row : rows) {
    INFO(row.sqlstate);
    CHECK(pg::classify(std::string_view(row.sqlstate)) == row.expected);
  }
}

TEST_CASE("an error takes its code from the SQLSTATE and keeps it") {
  struct Row {
    const char* sqlstate;
    Errc code;
    bool retryable;
  };
  const Row rows[] = {
      {"42501", Errc::permission, false},
      {"28P01", Errc::permission, false},
      {"57014", Errc::timeout, false},
      {"55P03", Errc::timeout, true},
      {"53300", Errc::resource_exhausted, true},
      {"53100", Errc::resource_exhausted, false},
      {"57P01", Errc::unavailable, true},
      {"08006", Errc::unavailable, true},
      {"25006", Errc::refused, false},
      {"XX001", Errc::corrupt, false},
      {"0A000", Errc::unsupported, false},
      {"3D000", Errc::not_found, false},
      {"42P01", Errc::server, false},
      {"40001", Errc::server, true},
  };
  for (const auto& row : rows) {
    INFO(row.sqlstate);
    const auto error = pg::make_error(row.sqlstate, "words");
    CHECK(error.code == row.code);
    CHECK(error.retryable == row.retryable);
    CHECK(error.sqlstate == row.sqlstate);
  }
}

TEST_CASE("a value that the server quotes in a data exception is left out") {
  const auto error = pg::make_error("22P02", "invalid input syntax for type integer: \"4111-1111\"");
  REQUIRE_THAT(error.message, ContainsSubstring("invalid input syntax for type integer"));
  REQUIRE(error.message.find("4111") == std::string::npos);
  REQUIRE(pg::make_error("42P01", "relation \"shop\" does not exist").message == "relation \"shop\" does not exist");
}

TEST_CASE("a failed connect is understood from libpq's text") {
  const auto password = pg::connect_error(
      "connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  28P01: password authentication failed "
      "for user \"eve\"\nLOCATION:  auth_failed, auth.c:326\n");
  CHECK(password.sqlstate == "28P01");
  CHECK(password.code == Errc::permission);
  CHECK(password.message ==
        "connection to server at \"127.0.0.1\", port 5432: password authentication failed for user \"eve\"");

  const auto refused = pg::connect_error(
      "connection to server at \"127.0.0.1\", port 1 failed: Connection refused\n"
      "\tIs the server running on that host and accepting TCP/IP connections?\n");
  CHECK(refused.code == Errc::unavailable);
  CHECK(refused.retryable);
  CHECK(refused.message == "connection to server at \"127.0.0.1\", port 1 failed: Connection refused");
  CHECK(pg::classify(refused) == RetryClass::fast);

  const auto tls = pg::connect_error(
      "connection to server at \"db\" (10.0.0.1), port 5432 failed: SSL error: certificate verify failed\n");
  CHECK(tls.code == Errc::refused);
  CHECK_THAT(tls.message, Catch::Matchers::StartsWith("tls_verify_failed"));
  CHECK(pg::classify(tls) == RetryClass::slow);

  const auto two_hosts = pg::connect_error(
      "connection to server at \"a\" (10.0.0.1), port 5432 failed: Connection refused\n"
      "connection to server at \"b\" (10.0.0.2), port 5432 failed: FATAL:  53300: too many connections for role "
      "\"eve\"\nLOCATION:  InitializeSessionUserId, miscinit.c:760\n");
  CHECK(two_hosts.sqlstate == "53300");
  CHECK_THAT(two_hosts.message, ContainsSubstring("too many connections for role"));

  const auto translated =
      pg::connect_error("connection to server at \"a\" failed: FATAL:  57P03: das System startet\n");
  CHECK(translated.sqlstate == "57P03");
}
