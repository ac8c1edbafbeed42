#include "agent/base/units.hpp"

#include "agent/base/strings.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;

TEST_CASE("durations read and print as Prometheus spells them") {
  REQUIRE(parse_duration("1h30m").value() == Millis(5'400'000));
  REQUIRE(parse_duration("500ms").value() == Millis(500));
  REQUIRE(parse_duration("7d").value() == Millis(604'800'000));
  REQUIRE(format_duration(Millis(5'400'000)) == "1h30m");
  REQUIRE(format_duration(Millis(0)) == "0s");
  for (const auto* bad : {"", "5", "m", "1m1h", "-5m", "5 m", "1.5h", "99999999999999999999s"})
    REQUIRE_FALSE(parse_duration(bad).has_value());
}

TEST_CASE("sizes read as PostgreSQL spells them") {
  REQUIRE(parse_bytes("64kB").value() == 65536);
  REQUIRE(parse_bytes("2GB").value() == 2147483648);
  REQUIRE(parse_bytes("8192").value() == 8192);
  for (const auto* bad : {"", "64KB", "-1", "1XB", "99999999TB"}) REQUIRE_FALSE(parse_bytes(bad).has_value());
  REQUIRE(format_bytes(1536) == "1.5 kB");
}

TEST_CASE("numbers are written for people, three digits and a unit") {
  REQUIRE(format_number(0.24958333333333332) == "0.25");
  REQUIRE(format_number(0) == "0");
  REQUIRE(format_number(-0.0123456) == "-0.0123");
  REQUIRE(format_number(1e-9) == "<0.001");
  REQUIRE(format_number(-1e-9) == ">-0.001");
  REQUIRE(format_number(12.34) == "12.3");
  REQUIRE(format_number(99.99) == "100");
  REQUIRE(format_number(1240.5) == "1240");
  REQUIRE(format_number(1e15) == "1000000000000000");
  REQUIRE(format_number(std::numeric_limits<double>::infinity()) == "+Inf");
  struct Row {
    double value;
    const char* unit;
    const char* text;
  };
  const Row rows[] = {{0.24958333333333332, "seconds", "250 ms"},
                      {1.23456, "seconds", "1.23 s"},
                      {0, "seconds", "0 s"},
                      {0.0000123, "seconds", "12.3 µs"},
                      {7500.4, "seconds", "2h5m"},
                      {15.5, "seconds/min", "15.5 s/min"},
                      {0.4, "ms/min", "400 µs/min"},
                      {0.1234, "ratio", "12.3 %"},
                      {0.00099, "ratio", "0.099 %"},
                      {1536, "bytes", "1.5 kB"},
                      {59.987654, "1/min", "60/min"},
                      {1240, "rows", "1240 rows"},
                      {0.3333333333, "cost units", "0.333 cost units"},
                      {2, "", "2"}};
  for (const auto& row : rows) {
    CAPTURE(row.value, row.unit);
    CHECK(format_quantity(row.value, row.unit) == row.text);
  }
}

TEST_CASE("a moment survives RFC 3339 both ways") {
  REQUIRE(to_rfc3339(from_ms(1'700'000'000'123)) == "2023-11-14T22:13:20.123Z");
  REQUIRE(parse_rfc3339("2023-11-14T22:13:20.123Z") == from_ms(1'700'000'000'123));
  REQUIRE(parse_rfc3339("2023-11-15T00:13:20+02:00") == from_ms(1'700'000'000'000));
  for (const auto* bad : {"", "2023-13-01T00:00:00Z", "2023-11-14", "2023-11-14T22:13:20", "2023-11-14T22:13:20.Z"})
    REQUIRE_FALSE(parse_rfc3339(bad).has_value());
}

TEST_CASE("identifiers and literals are quoted so that nothing escapes") {
  REQUIRE(quote_identifier("we\"ird") == "\"we\"\"ird\"");
  REQUIRE(quote_literal("o'clock") == "'o''clock'");
  REQUIRE(quote_literal("a\\b") == "E'a\\\\b'");
}

TEST_CASE("globs match whole names and near misses find the intended word") {
  REQUIRE(glob_match("app_*", "app_hi"));
  REQUIRE_FALSE(glob_match("app_*", "xapp_hi"));
  REQUIRE(glob_match("*.or?ers", "public.orders"));
  const std::vector<std::string> keys{"interval", "statement_timeout"};
  REQUIRE(nearest("intervall", keys) == "interval");
  REQUIRE_FALSE(nearest("zzzzzz", keys).has_value());
}
