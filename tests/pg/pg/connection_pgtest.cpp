#include "agent/pg/connection.hpp"
#include "agent/pg/error.hpp"
#include "tests/pg/pg/connection_bench.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::test;
using pg::Connection;
using pg::ConnectSpec;

TEST_CASE("a session knows who answered") {
  SessionBench bench;
  const auto connection = bench.local();
  auto session = bench.cluster.session();
  REQUIRE(connection->healthy());
  REQUIRE(connection->is_direct());
  REQUIRE(connection->is_local());
  REQUIRE(connection->database() == "postgres");
  const auto& identity = connection->identity();
  CHECK(identity.system_identifier == session.value("SELECT system_identifier FROM pg_control_system()"));
  CHECK(identity.timeline == 1);
  CHECK(identity.role == ServerRole::primary);
  CHECK(std::to_string(identity.version_num) == session.value("SHOW server_version_num"));
  CHECK(std::to_string(to_ms(identity.postmaster_start)) ==
        session.value("SELECT (extract(epoch FROM pg_postmaster_start_time()) * 1000)::int8"));
  CHECK(session.value("SELECT count(*) FROM pg_stat_activity WHERE pid = " +
                      std::to_string(connection->backend_pid())) == "1");
}

TEST_CASE("parameters, NULL, types and row counts come through") {
  SessionBench bench;
  const auto connection = bench.local();
  pg::Params params{"O'Hara; DROP TABLE x", std::nullopt};
  const auto row =
      bench.query(*connection, "SELECT $1::text AS name, $2::int AS nothing, 42 AS answer, true AS yes", params);
  REQUIRE(row);
  CHECK(row->text(0, "name") == "O'Hara; DROP TABLE x");
  CHECK_FALSE(row->get(0, "nothing"));
  CHECK(row->integer(0, "answer") == 42);
  CHECK(row->boolean(0, "yes"));
  const auto created = bench.world.run(
      connection->execute("CREATE TABLE t (n int); INSERT INTO t SELECT generate_series(1, 5)", in(5'000)));
  REQUIRE(created);
  CHECK(created->affected == 5);
  const auto big = bench.query(*connection, "SELECT repeat('x', 1000) AS pad FROM generate_series(1, 5000)");
  REQUIRE(big);
  CHECK(big->size() == 5000);
  std::string long_sql = "SELECT '" + std::string(4'000'000, 'y') + "'::text AS y";
  const auto sent = bench.query(*connection, std::move(long_sql));
  REQUIRE(sent);
  CHECK(sent->text(0, "y").size() == 4'000'000);
}

TEST_CASE("a statement that comes again is planned once, until what it reads has changed") {
  SessionBench bench;
  const auto connection = bench.local();
  const std::string prepared = "SELECT count(*) AS n FROM pg_prepared_statements";
  bench.cluster.exec("postgres", "CREATE TABLE t (n int); INSERT INTO t VALUES (1)");
  const auto ask = [&](std::string sql) {
    REQUIRE(bench.world.run(connection->mark("t", Millis(1'000), in(5'000))));
    return bench.world.run(connection->repeat(std::move(sql), {}, in(5'000)));
  };
  for (int time = 1; time <= 3; ++time) {
    const auto rows = ask("SELECT * FROM t");
    REQUIRE(rows);
    CHECK(rows->integer(0, "n") == 1);
    CHECK(bench.query(*connection, prepared)->integer(0, "n") == (time == 1 ? 0 : 1));
  }
  bench.cluster.exec("postgres", "ALTER TABLE t ADD m int DEFAULT 2");
  const auto wider = ask("SELECT * FROM t");
  REQUIRE(wider);
  CHECK(wider->integer(0, "m") == 2);
  // One that is of no use is not made again and again.
  for (int time = 0; time < 3; ++time) REQUIRE(ask("SELECT * FROM t"));
  CHECK(bench.query(*connection, prepared)->integer(0, "n") == 1);
  REQUIRE(bench.world.run(connection->execute("DISCARD ALL", in(5'000))));
  CHECK(ask("SELECT * FROM t")->integer(0, "m") == 2);
  CHECK(ask("SELECT n + 1 AS k FROM t")->integer(0, "k") == 2);
}

TEST_CASE("a server error keeps its SQLSTATE and none of the rows it quotes") {
  SessionBench bench;
  const auto connection = bench.local();
  bench.cluster.exec("postgres",
                     "CREATE TABLE people (mail text PRIMARY KEY); INSERT INTO people VALUES ('ann@example.org')");
  const auto duplicate = bench.query(*connection, "INSERT INTO people VALUES ($1)", pg::Params{"ann@example.org"});
  REQUIRE_FALSE(duplicate);
  CHECK(duplicate.error().sqlstate == "23505");
  CHECK(duplicate.error().code == Errc::server);
  CHECK(duplicate.error().describe().find("ann@") == std::string::npos);
  CHECK(connection->healthy());
  const auto missing = bench.query(*connection, "SELECT * FROM nowhere");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().sqlstate == "42P01");
}

TEST_CASE("at its deadline a statement is really cancelled and the session is used again") {
  SessionBench bench;
  const auto connection = bench.local();
  const int pid = connection->backend_pid();
  const auto before = std::chrono::steady_clock::now();
  const auto slept = bench.query(*connection, "SELECT pg_sleep(30)", {}, 300);
  const auto took = std::chrono::steady_clock::now() - before;
  REQUIRE_FALSE(slept);
  CHECK(slept.error().code == Errc::timeout);
  CHECK(slept.error().sqlstate == "57014");
  CHECK(pg::classify(slept.error()) == pg::RetryClass::never_halve_rate);
  CHECK(took >= Millis(300));
  CHECK(took < Millis(2'500));
  CHECK(bench.cluster.exec(
            "postgres",
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(30)' ") == "0");
  REQUIRE(connection->healthy());
  const auto next = bench.query(*connection, "SELECT pg_backend_pid() AS pid");
  REQUIRE(next);
  CHECK(next->integer(0, "pid") == pid);
}

TEST_CASE("a server that does not even answer the cancellation costs the session, not the caller") {
  SessionBench bench;
  const auto connection = bench.local();
  const pid_t backend = connection->backend_pid();
  REQUIRE(::kill(backend, SIGSTOP) == 0);
  const auto before = std::chrono::steady_clock::now();
  const auto answer = bench.query(*connection, "SELECT 1", {}, 200);
  const auto took = std::chrono::steady_clock::now() - before;
  ::kill(backend, SIGCONT);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == Errc::timeout);
  CHECK_FALSE(connection->healthy());
  CHECK(took < Millis(4'500));
}

TEST_CASE("a lock that is not granted in time is a unit to retry, with its SQLSTATE") {
  SessionBench bench;
  bench.cluster.exec("postgres", "CREATE TABLE t (n int)");
  auto holder = bench.cluster.session();
  holder.exec("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE");
  ConnectSpec spec;
  spec.parameters = bench.cluster.parameters();
  spec.settings = {{"lock_timeout", "100ms"}};
  const auto connection = bench.connect(spec);
  REQUIRE(connection);
  const auto blocked = bench.query(**connection, "SELECT pg_relation_size('t')");
  REQUIRE_FALSE(blocked);
  CHECK(blocked.error().sqlstate == "55P03");
  CHECK(blocked.error().code == Errc::timeout);
  CHECK(pg::classify(blocked.error()) == pg::RetryClass::unit);
  holder.exec("COMMIT");
  CHECK(bench.query(**connection, "SELECT pg_relation_size('t')"));
}

TEST_CASE("settings are applied, an optional one that is not permitted is left out without a log line") {
  SessionBench bench;
  bench.cluster.exec("postgres", "CREATE ROLE plain LOGIN");
  ConnectSpec spec;
  spec.parameters = bench.cluster.parameters("postgres", "plain");
  spec.settings = {{"default_transaction_read_only", "on"}, {"search_path", "pg_catalog, public"}};
  spec.optional_settings = {{"pg_stat_statements.track", "none"}, {"no_such.setting", "1"}};
  const auto connection = bench.connect(spec);
  REQUIRE(connection);
  const auto row =
      bench.query(**connection,
                  "SELECT current_setting('default_transaction_read_only') AS ro,"
                  " current_setting('pg_stat_statements.track') AS track, current_setting('search_path') AS path");
  REQUIRE(row);
  CHECK(row->text(0, "ro") == "on");
  CHECK(row->text(0, "track") == "top");
  CHECK(row->text(0, "path") == "pg_catalog, public");
  CHECK(bench.cluster.log().find("ERROR") == std::string::npos);

  spec.parameters = bench.cluster.parameters();
  const auto superuser = bench.connect(spec);
  REQUIRE(superuser);
  CHECK(bench.query(**superuser, "SHOW pg_stat_statements.track")->text(0, "pg_stat_statements.track") == "none");
}

TEST_CASE("rows of a statement come in their order, however many, and none of one that fails behind them") {
  SessionBench bench;
  const auto connection = bench.local();
  const auto rows = bench.query(*connection,
                                "SELECT n, CASE WHEN n % 2 = 0 THEN 'even' END AS word"
                                " FROM generate_series(1, 20000) n");
  REQUIRE(rows);
  REQUIRE(rows->size() == 20'000);
  CHECK(rows->columns == std::vector<std::string>{"n", "word"});
  CHECK(rows->affected == 20'000);
  for (std::size_t i = 0; i < rows->size(); ++i) {
    REQUIRE(rows->integer(i, "n") == static_cast<std::int64_t>(i) + 1);
    REQUIRE(rows->get(i, "word").has_value() == (i % 2 == 1));
  }
  const auto failed = bench.query(*connection, "SELECT 1 / (15000 - n) FROM generate_series(1, 20000) n");
  REQUIRE_FALSE(failed);
  CHECK(failed.error().sqlstate == "22012");
  const auto none = bench.query(*connection, "SELECT n FROM generate_series(1, 0) n");
  REQUIRE(none);
  CHECK(none->size() == 0);
  CHECK(none->columns == std::vector<std::string>{"n"});
}

TEST_CASE("the marker is seen by the server as application name and as the statement's comment") {
  SessionBench bench;
  const auto connection = bench.local();
  REQUIRE(bench.world.run(connection->mark("stat_database */ DROP", Millis(3'000), in(5'000))));
  const auto row = bench.query(*connection,
                               "SELECT application_name, query, current_setting('statement_timeout') AS limit"
                               " FROM pg_stat_activity WHERE pid = pg_backend_pid()");
  REQUIRE(row);
  CHECK(row->text(0, "application_name") == "pgtend/stat_database__/_DROP");
  CHECK(row->text(0, "query").starts_with("/* pgtend:stat_database__/_DROP */ SELECT"));
  CHECK(row->text(0, "limit") == "3s");
}

TEST_CASE("a marker for the next statement goes with it, its time limit goes again when that one failed") {
  SessionBench bench;
  const auto connection = bench.local();
  const auto own_name = bench.query(*connection, "SHOW application_name")->text(0, "application_name");
  const std::string look =
      "SELECT application_name, query, current_setting('statement_timeout') AS limit, $1 AS given"
      " FROM pg_stat_activity WHERE pid = pg_backend_pid()";
  const auto repeat = [&](std::string_view marker, Millis limit, const std::string& sql, pg::Params params) {
    connection->mark_next(marker, limit);
    return bench.world.run(connection->repeat(sql, std::move(params), in(5'000)));
  };
  // Sent whole, then prepared, then by its plan.
  for (const auto* turn : {"1", "2", "3", "4"})
    for (const auto* marker : {"tables", "locks"}) {
      const auto row = repeat(marker, Millis(2'000), look, {turn});
      REQUIRE(row);
      CHECK(row->text(0, "application_name") == own_name);
      CHECK(row->text(0, "query").starts_with("/* pgtend:" + std::string(marker) + " */ SELECT"));
      CHECK(row->text(0, "limit") == "2s");
      CHECK(row->text(0, "given") == turn);
    }
  const auto failed = repeat("broken", Millis(1'000), "SELECT 1 / ($1::int - 1)", {"1"});
  REQUIRE_FALSE(failed);
  CHECK(failed.error().sqlstate == "22012");
  REQUIRE(connection->healthy());
  const auto row = repeat("broken", Millis(1'000), look, {"5"});
  REQUIRE(row);
  CHECK(row->text(0, "query").starts_with("/* pgtend:broken */ SELECT"));
  CHECK(row->text(0, "limit") == "1s");
  // The time limit that goes with a statement is already its own.
  const auto begun = std::chrono::steady_clock::now();
  const auto slow = repeat("slow", Millis(200), "SELECT pg_sleep(4)", {});
  REQUIRE_FALSE(slow);
  CHECK(slow.error().sqlstate == "57014");
  CHECK(std::chrono::steady_clock::now() - begun < Millis(3'000));
  REQUIRE(connection->healthy());
  // And where the server does not end it, its own deadline does.
  connection->mark_next("slower", Millis(0));
  CHECK_FALSE(bench.world.run(connection->repeat("SELECT pg_sleep(4)", {}, in(200))));
  REQUIRE(connection->healthy());
  CHECK(bench.query(*connection, "SHOW statement_timeout")->text(0, "statement_timeout") == "0");
  CHECK_FALSE(connection->in_transaction());
}

TEST_CASE("the reasons of failed connects are told apart") {
  SessionBench bench;
  bench.cluster.exec("postgres", "CREATE ROLE locked_out LOGIN PASSWORD 'right'");
  bench.cluster.exec("postgres", "CREATE DATABASE closed ALLOW_CONNECTIONS false");
  bench.cluster.set_hba({"local all locked_out scram-sha-256"});
  ConnectSpec spec;
  spec.parameters = bench.cluster.parameters("postgres", "locked_out");
  spec.parameters["password"] = "wrong";
  const auto password = bench.connect(spec);
  REQUIRE_FALSE(password);
  CHECK(password.error().sqlstate == "28P01");
  CHECK(password.error().code == Errc::permission);
  CHECK(password.error().describe().find("wrong") == std::string::npos);

  spec.parameters = bench.cluster.parameters("no_such_database");
  const auto missing = bench.connect(spec);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().sqlstate == "3D000");

  spec.parameters = bench.cluster.parameters("closed");
  const auto closed = bench.connect(spec);
  REQUIRE_FALSE(closed);
  CHECK(closed.error().sqlstate == "55000");

  bench.cluster.stop();
  spec.parameters = bench.cluster.parameters();
  const auto stopped = bench.connect(spec);
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().code == Errc::unavailable);
  CHECK(pg::classify(stopped.error()) == pg::RetryClass::fast);
}

TEST_CASE("a session whose backend is terminated says so and is no longer healthy") {
  SessionBench bench;
  const auto connection = bench.local();
  bench.cluster.exec("postgres",
                     "SELECT pg_terminate_backend(" + std::to_string(connection->backend_pid()) + ", 5000)");
  const auto answer = bench.query(*connection, "SELECT 1");
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == Errc::unavailable);
  CHECK(answer.error().sqlstate == "57P01");
  CHECK_FALSE(connection->healthy());
}

TEST_CASE("verify-full accepts the right authority, refuses another, and reads the certificate's end") {
  PgClusterOptions options;
  options.tls = true;
  options.certificate_days = 9;
  SessionBench bench(options);
  for (const std::string host : {"localhost", "127.0.0.1"}) {
    ConnectSpec spec;
    spec.parameters = bench.cluster.parameters("postgres", "postgres", true);
    spec.parameters["host"] = host;
    spec.parameters["sslmode"] = "verify-full";
    spec.parameters["sslrootcert"] = bench.cluster.certificates().ca;
    const auto good = bench.connect(spec);
    REQUIRE(good);
    CHECK((*good)->tls().in_use);
    CHECK((*good)->tls().protocol == "TLSv1.3");
    const auto days = (*good)->tls().days_left(SystemClock().now());
    REQUIRE(days);
    CHECK(*days == Approx(9).margin(0.1));

    spec.parameters["sslrootcert"] = bench.cluster.certificates().other_ca;
    const auto wrong = bench.connect(spec);
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().code == Errc::refused);
    CHECK_THAT(wrong.error().message, Catch::Matchers::StartsWith("tls_verify_failed"));
    CHECK(pg::classify(wrong.error()) == pg::RetryClass::slow);
  }
}

TEST_CASE("a server without TLS is not spoken to when TLS is asked for") {
  SessionBench bench;
  ConnectSpec spec;
  spec.parameters = bench.cluster.parameters("postgres", "postgres", true);
  spec.parameters["sslmode"] = "require";
  const auto refused = bench.connect(spec);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::refused);
}

TEST_CASE("through PgBouncer's transaction pooling a session knows that it is not direct and sets nothing") {
  SessionBench bench;
  PgBouncerProcess bouncer(bench.cluster);
  ConnectSpec spec;
  spec.parameters = bouncer.parameters();
  spec.settings = {{"default_transaction_read_only", "on"}};
  const auto pooled = bench.connect(spec);
  REQUIRE(pooled);
  CHECK_FALSE((*pooled)->is_direct());
  REQUIRE(bench.world.run((*pooled)->mark("x", Millis(1), in(5'000))));
  CHECK(bench.query(**pooled, "SELECT 1"));
  // The same server session now serves another client: nothing may have leaked into it.
  PgSession other(bouncer.conninfo());
  CHECK(other.value("SHOW default_transaction_read_only") == "off");
  CHECK(other.value("SHOW statement_timeout") == "0");

  ConnectSpec console;
  console.parameters = bouncer.parameters("pgbouncer");
  console.admin_console = true;
  const auto admin = bench.connect(console);
  REQUIRE(admin);
  const auto pools = bench.world.run((*admin)->execute("SHOW POOLS", in(5'000)));
  REQUIRE(pools);
  CHECK(pools->column("cl_waiting"));
}
