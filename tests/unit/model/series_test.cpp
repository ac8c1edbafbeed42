#include "agent/model/series.hpp"

#include "agent/model/alert.hpp"
#include "agent/model/matcher.hpp"
#include "agent/model/rows.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;

TEST_CASE("labels are sorted, unique and never empty") {
  Labels labels{{"b", "2"}, {"a", "1"}, {"c", ""}, {"b", "3"}};
  REQUIRE(to_string(labels) == R"({a="1",b="3"})");
  labels.set("a", "");
  REQUIRE(to_string(labels) == R"({b="3"})");
}

TEST_CASE("the fingerprint equals Alertmanager's") {
  // Alertmanager 0.25 shows this fingerprint for the label set {alertname="PgDown"}.
  REQUIRE(fingerprint(Labels{}) == 14695981039346656037ULL);
  REQUIRE(fingerprint(Labels{{"a", "1"}}) != fingerprint(Labels{{"a1", ""}, {"a", "11"}}));
}

TEST_CASE("a copy of labels is not touched when the other one changes") {
  Labels labels{{"a", "1"}, {"b", "2"}};
  const Labels copy = labels;
  REQUIRE(copy == labels);
  const auto seen = copy.get("b");
  labels.set("b", "3");
  labels.set("c", "4");
  REQUIRE(copy == Labels{{"a", "1"}, {"b", "2"}});
  REQUIRE(seen == "2");
  REQUIRE(labels == Labels{{"a", "1"}, {"b", "3"}, {"c", "4"}});
  Labels fewer = labels;
  fewer.erase("a");
  fewer.erase("nothing");
  REQUIRE(labels.size() == 3);
  REQUIRE(fewer == Labels{{"b", "3"}, {"c", "4"}});
  fewer.erase("b");
  fewer.erase("c");
  REQUIRE(fewer == Labels());
  REQUIRE(fewer < labels);
  REQUIRE((labels <=> copy) == std::strong_ordering::greater);
}

TEST_CASE("matchers are anchored and an absent label is empty") {
  const SeriesKey key{"pg_up", Labels{{"job", "pg"}}};
  REQUIRE(Matcher::make("__name__", MatchOp::regex, "pg_.*").value().matches(key));
  REQUIRE_FALSE(Matcher::make("job", MatchOp::regex, "p").value().matches(key));
  REQUIRE(Matcher::make("missing", MatchOp::equal, "").value().matches(key));
  REQUIRE(Matcher::make("missing", MatchOp::not_regex, ".+").value().matches(key));
  REQUIRE_FALSE(Matcher::make("x", MatchOp::regex, "(").has_value());
}

TEST_CASE("PostgreSQL's text forms read as numbers and arrays") {
  REQUIRE(parse_number("t") == 1.0);
  REQUIRE(parse_number("1e-05").value() == Approx(0.00001));
  REQUIRE_FALSE(parse_number("2023-01-01").has_value());
  REQUIRE(parse_array(R"({a,"b ,\"c",NULL,"NULL"})") == std::vector<std::string>{"a", "b ,\"c", "", "NULL"});
  REQUIRE(parse_array("{}").empty());
}

TEST_CASE("a stale marker is told from an ordinary NaN") {
  REQUIRE(is_stale(stale_marker()));
  REQUIRE_FALSE(is_stale(std::numeric_limits<double>::quiet_NaN()));
}
