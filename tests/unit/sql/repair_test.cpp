#include "rules/sql/repair.hpp"

#include "rules/sql/obfuscate.hpp"
#include "rules/sql/statement.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using sql::obfuscate;
using sql::repair_parameters;

namespace {

std::string repaired(std::string_view text) {
  const auto out = repair_parameters(text);
  INFO(text);
  REQUIRE(out);
  // What comes out is SQL again.
  CHECK(sql::analyse(out->text));
  return out->text;
}

}  // namespace

TEST_CASE("typed literals become casts of the parameter") {
  CHECK(repaired("select 1 from t where d < date $1") == "select 1 from t where d < ($1::date)");
  CHECK(repaired("select 1 from t where d < date $1 + interval $2") ==
        "select 1 from t where d < ($1::date) + ($2::interval)");
  CHECK(repaired("select INTERVAL $1 day") == "select ($1::interval day)");
  CHECK(repaired("select interval $1 hour to minute") == "select ($1::interval hour to minute)");
  CHECK(repaired("select timestamp with time zone $1") == "select ($1::timestamp with time zone)");
}

TEST_CASE("EXTRACT of a parameter becomes date_part") {
  CHECK(repaired("select extract($1 from o.created_at) from o") ==
        "select pg_catalog.date_part($1 , o.created_at) from o");
  CHECK(repaired("select extract(year from o.created_at) from o") == "select extract(year from o.created_at) from o");
}

TEST_CASE("an operator between two parameters gets numeric casts") {
  CHECK(repaired("select 1 from t where a < $1 + $2") == "select 1 from t where a < $1::numeric + $2::numeric");
  CHECK(repaired("select $1 * $2 - $3") == "select $1::numeric * $2::numeric - $3::numeric");
  CHECK(repaired("select $1::int + $2::int") == "select $1::int + $2::int");
  CHECK(repaired("select a + $1 from t") == "select a + $1 from t");
}

TEST_CASE("CASE branches of parameters alone get numeric casts, others keep their own type") {
  CHECK(repaired("select sum(case when a = $1 then $2 else $3 end) from t") ==
        "select sum(case when a = $1 then $2::numeric else $3::numeric end) from t");
  CHECK(repaired("select case when a = $1 then name else $2 end from t") ==
        "select case when a = $1 then name else $2 end from t");
  CHECK(repaired("select case when a then case when b then $1 end else c end from t") ==
        "select case when a then case when b then $1::numeric end else c end from t");
}

TEST_CASE("comments and the closing semicolon go, the number of parameters is told") {
  const auto out = repair_parameters("select /* hint */ a from t where b in ($1 /*, ... */) and c = $12; -- end");
  REQUIRE(out);
  CHECK(out->text == "select a from t where b in ($1 ) and c = $12");
  CHECK(out->parameters == 12);
}

TEST_CASE("strings that look like repairs are left alone") {
  CHECK(repaired("select 'date $1', \"date\" from t") == "select 'date $1', \"date\" from t");
}

TEST_CASE("utility statements and scripts are refused") {
  for (const auto* text : {"vacuum t", "alter role a password 'x'", "", "explain select 1", "select 1; drop table t"}) {
    const auto out = repair_parameters(text);
    REQUIRE_FALSE(out);
    CHECK(out.error().code == Errc::unsupported);
  }
  CHECK_FALSE(repair_parameters("select 'open"));
}

TEST_CASE("obfuscation leaves no literal, comment or password") {
  CHECK(obfuscate("select * from t where a = 'secret' and b = 42 -- token=abc") ==
        "select * from t where a = ? and b = ?");
  CHECK(obfuscate("select $tag$secret$tag$, E'se\\'cret', X'1F', $1, .5") == "select ?, ?, ?, $1, ?");
  CHECK(obfuscate("ALTER ROLE app PASSWORD 'hunter2'") == "alter role <redacted>");
  CHECK(obfuscate("create user u with login password 'hunter2'") == "create user <redacted>");
  CHECK(obfuscate("create subscription s connection 'host=a password=b' publication p") ==
        "create subscription <redacted>");
  CHECK(obfuscate("select 'never closed") == "<unreadable statement>");
  CHECK(obfuscate("/* only a comment */").empty());
}
