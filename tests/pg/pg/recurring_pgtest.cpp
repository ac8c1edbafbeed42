// Statements that recur, in one go.
#include "tests/pg/pg/connection_bench.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::test;

TEST_CASE(
    "statements that recur go in one transaction once the server keeps their plans, and a failure is only its own") {
  SessionBench bench;
  const auto connection = bench.local();
  REQUIRE(bench.query(*connection, "CREATE TEMP TABLE divisor AS SELECT 1 AS d"));
  const std::vector<pg::Connection::Recurring> all{
      {"first", "SELECT now()::text AS began, current_setting('statement_timeout') AS limit"},
      {"second", "SELECT now()::text AS began, 1 / d AS quotient FROM divisor"},
      {"third", "SELECT now()::text AS began, application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()"}};
  const auto together = [&] { return bench.world.run(connection->repeat_all(all, Millis(1'500), in(5'000))); };
  const auto alone = [&](const pg::Connection::Recurring& one) {
    connection->mark_next(one.marker, Millis(1'500));
    return bench.world.run(connection->repeat(one.sql, {}, in(5'000)));
  };
  // Not prepared yet: nothing is asked.
  for (int turn = 0; turn < 2; ++turn) {
    const auto nothing = together();
    REQUIRE(nothing);
    for (const auto& answer : *nothing) CHECK_FALSE(answer);
    for (const auto& one : all) REQUIRE(alone(one));
  }
  const auto first_moment = alone(all[0])->text(0, "began");
  auto answers = together();
  REQUIRE(answers);
  REQUIRE(answers->size() == 3);
  for (const auto& answer : *answers) REQUIRE(answer);
  const auto began = (*answers)[0]->text(0, "began");
  CHECK(began != first_moment);
  CHECK((*answers)[1]->text(0, "began") == began);
  CHECK((*answers)[2]->text(0, "began") == began);
  CHECK((*answers)[0]->text(0, "limit") == "1500ms");
  CHECK((*answers)[1]->text(0, "quotient") == "1");
  CHECK_FALSE(connection->in_transaction());

  REQUIRE(bench.query(*connection, "UPDATE divisor SET d = 0"));
  answers = together();
  REQUIRE(answers);
  CHECK((*answers)[0]);
  CHECK_FALSE((*answers)[1]);
  CHECK_FALSE((*answers)[2]);
  REQUIRE(connection->healthy());
  CHECK_FALSE(connection->in_transaction());
  CHECK(alone(all[1]).error().sqlstate == "22012");
  CHECK(alone(all[2]));
  REQUIRE(bench.query(*connection, "UPDATE divisor SET d = 1"));
  CHECK((*together())[2]);
}

TEST_CASE(
    "of statements in one transaction those that end before the deadline have answers, the session stays usable") {
  SessionBench bench;
  const auto connection = bench.local();
  REQUIRE(bench.query(*connection, "CREATE TEMP TABLE pause AS SELECT 0.0::float8 AS seconds"));
  const std::vector<pg::Connection::Recurring> all{{"quick", "SELECT 7 AS seven"},
                                                   {"slow", "SELECT pg_sleep(seconds) FROM pause"}};
  for (int turn = 0; turn < 2; ++turn)
    for (const auto& one : all) {
      connection->mark_next(one.marker, Millis(0));
      REQUIRE(bench.world.run(connection->repeat(one.sql, {}, in(5'000))));
    }
  REQUIRE(bench.query(*connection, "UPDATE pause SET seconds = 30"));
  const auto begun = std::chrono::steady_clock::now();
  auto answers = bench.world.run(connection->repeat_all(all, Millis(0), in(300)));
  CHECK(std::chrono::steady_clock::now() - begun < Millis(5'000));
  REQUIRE(answers);
  REQUIRE((*answers)[0]);
  CHECK((*answers)[0]->text(0, "seven") == "7");
  CHECK_FALSE((*answers)[1]);
  REQUIRE(connection->healthy());
  // The server ends one that takes longer than its statement_timeout.
  answers = bench.world.run(connection->repeat_all(all, Millis(200), in(20'000)));
  REQUIRE(answers);
  CHECK((*answers)[0]);
  CHECK_FALSE((*answers)[1]);
  CHECK(bench.query(*connection, "SELECT 1 AS one")->text(0, "one") == "1");
}
