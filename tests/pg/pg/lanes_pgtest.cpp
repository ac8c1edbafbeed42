#include "tests/pg/pg/lanes_bench.hpp"
#include "tests/support/source_dir.hpp"

using namespace pgtend;
using namespace pgtend::test;
using pg::Lane;
using pg::LaneOptions;

TEST_CASE("each lane has the session settings that keep the server safe from it") {
  PgCluster cluster;
  Bench bench(cluster);
  const std::string sql =
      "SELECT current_setting('lock_timeout') AS lock, current_setting('statement_timeout') AS statement,"
      " current_setting('idle_in_transaction_session_timeout') AS idle, current_setting('jit') AS jit,"
      " current_setting('max_parallel_workers_per_gather') AS parallel, current_setting('search_path') AS path,"
      " current_setting('default_transaction_read_only') AS ro, current_setting('client_min_messages') AS messages,"
      " current_setting('pg_stat_statements.track') AS track, current_setting('application_name') AS app";
  for (const auto lane : {Lane::probe, Lane::sample}) {
    const auto row = bench.query(lane, sql, 1'500);
    REQUIRE(row);
    CHECK(row->text(0, "lock") == "100ms");
    CHECK(row->text(0, "statement") == "1500ms");
    CHECK(row->text(0, "idle") == "10s");
    CHECK(row->text(0, "jit") == "off");
    CHECK(row->text(0, "parallel") == "0");
    CHECK(row->text(0, "path") == "pg_catalog");
    CHECK(row->text(0, "ro") == "on");
    CHECK(row->text(0, "messages") == "error");
    CHECK(row->text(0, "track") == "none");
    CHECK(row->text(0, "app") == (lane == Lane::probe ? "pgtend/probe" : "pgtend/sample"));
  }
  CHECK(bench.query(Lane::advise, sql)->text(0, "ro") == "on");
  CHECK(bench.query(Lane::act, sql)->text(0, "ro") == "off");
  const auto refused = bench.query(Lane::sample, "CREATE TABLE public.t (n int)");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().sqlstate == "25006");
}

TEST_CASE("four lanes hold five sessions at most, and each keeps its own") {
  PgCluster cluster;
  cluster.exec("postgres", "CREATE DATABASE shop");
  cluster.exec("postgres", "CREATE DATABASE other");
  Bench bench(cluster);
  REQUIRE(bench.query(Lane::probe, "SELECT 1"));
  const int probe_pid = bench.lanes.sessions().at(0).backend_pid;
  REQUIRE(bench.query(Lane::sample, "SELECT 1"));
  CHECK(bench.lanes.sessions().size() == 2);
  for (const std::string database : {"shop", "other", "shop"}) {
    const auto row = bench.query(Lane::sample, "SELECT current_database() AS db", 3'000, database);
    REQUIRE(row);
    CHECK(row->text(0, "db") == database);
    CHECK(bench.query(Lane::sample, "SELECT current_database() AS db")->text(0, "db") == "postgres");
  }
  REQUIRE(bench.query(Lane::advise, "SELECT 1"));
  REQUIRE(bench.query(Lane::act, "SELECT 1"));
  const auto sessions = bench.lanes.sessions();
  CHECK(sessions.size() == 4);
  CHECK(sessions.at(0).backend_pid == probe_pid);
  CHECK(bench.status(Lane::sample).connects == 4);
  // The backend of a closed session needs a moment to leave.
  CHECK(eventually([&] {
    return cluster.exec("postgres", "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pgtend/%'") ==
           "4";
  }));
}

TEST_CASE("a blocked sample lane never delays the probe lane") {
  PgCluster cluster;
  Bench bench(cluster);
  REQUIRE(bench.query(Lane::probe, "SELECT 1"));
  bool sample_done = false;
  auto blocked = [&]() -> net::Task<void> {
    auto answer = co_await bench.lanes.query(Lane::sample, "", "slow", "SELECT pg_sleep(20)", {}, Millis(1'500));
    CHECK_FALSE(answer);
    sample_done = true;
  };
  net::asio::co_spawn(bench.world.context(), blocked(), [](std::exception_ptr) {});
  std::vector<Millis> waits;
  while (!sample_done) {
    const auto begun = std::chrono::steady_clock::now();
    REQUIRE(bench.query(Lane::probe, "SELECT 1"));
    waits.push_back(std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - begun));
  }
  REQUIRE(waits.size() > 100);
  std::sort(waits.begin(), waits.end());
  CHECK(waits[waits.size() * 99 / 100] < Millis(50));
}

TEST_CASE("a lane is entered in order and not waited for beyond the timeout") {
  PgCluster cluster;
  Bench bench(cluster);
  REQUIRE(bench.query(Lane::advise, "SELECT 1"));
  std::vector<std::string> order;
  int left = 3;
  auto ask = [&](std::string name, std::string sql, int ms) -> net::Task<void> {
    auto answer = co_await bench.lanes.query(Lane::advise, "", name, sql, {}, Millis(ms));
    order.push_back(answer ? name : name + ":" + std::string(to_string(answer.error().code)));
    --left;
  };
  const auto spawn = [&](std::string name, std::string sql, int ms) {
    net::asio::co_spawn(bench.world.context(), ask(std::move(name), std::move(sql), ms), [](std::exception_ptr) {});
  };
  spawn("first", "SELECT pg_sleep(1)", 3'000);
  spawn("hasty", "SELECT 1", 100);
  spawn("third", "SELECT 1", 3'000);
  while (left > 0) REQUIRE(bench.query(Lane::probe, "SELECT pg_sleep(0.02)"));
  CHECK(order == std::vector<std::string>{"hasty:timeout", "first", "third"});
}

TEST_CASE("killed backends cost at most one reconnect each and no failed sample") {
  PgCluster cluster;
  Bench bench(cluster);
  for (int round = 0; round < 3; ++round) {
    for (const auto lane : {Lane::probe, Lane::sample, Lane::advise}) {
      const auto answer = bench.query(lane, "SELECT 1");
      REQUIRE(answer);
    }
    cluster.exec("postgres",
                 "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name LIKE 'pgtend/%'");
  }
  CHECK(bench.query(Lane::probe, "SELECT 1"));
  CHECK(bench.status(Lane::probe).connects == 4);
  CHECK(bench.status(Lane::probe).reconnects.at("57P01") == 3);
  CHECK(bench.status(Lane::probe).up);
}

TEST_CASE("after the server was stopped and started the lanes resume within five seconds") {
  PgCluster cluster;
  Bench bench(cluster);
  std::vector<ServerIdentity> seen;
  bench.lanes.on_identity_change([&](const ServerIdentity& was, const ServerIdentity& is) {
    CHECK(was.system_identifier == is.system_identifier);
    CHECK(was.postmaster_start < is.postmaster_start);
    seen.push_back(is);
  });
  REQUIRE(bench.query(Lane::sample, "SELECT 1"));
  cluster.stop("immediate");
  for (int i = 0; i < 6; ++i) {
    const auto down = bench.query(Lane::sample, "SELECT 1", 200);
    REQUIRE_FALSE(down);
    CHECK(down.error().code == Errc::unavailable);
  }
  CHECK_FALSE(bench.status(Lane::sample).up);
  CHECK_FALSE(bench.status(Lane::sample).last_error.empty());
  cluster.start();
  CHECK(bench.until_answered(Lane::sample, Millis(20'000)) <= Millis(5'000));
  CHECK(bench.query(Lane::probe, "SELECT 1"));
  REQUIRE(seen.size() == 1);
  CHECK(bench.lanes.identity() == seen.front());
  CHECK(bench.status(Lane::sample).breaker == "closed");
  CHECK(bench.status(Lane::sample).last_error.empty());
}

TEST_CASE("status shows at once that the server is gone, and why no session can be had") {
  PgCluster cluster;
  Bench bench(cluster);
  for (const auto lane : {Lane::probe, Lane::sample, Lane::advise}) REQUIRE(bench.query(lane, "SELECT 1"));
  for (const auto lane : {Lane::probe, Lane::sample, Lane::advise}) CHECK(bench.status(lane).up);
  cluster.stop();
  // Nobody has asked the server since.
  CHECK(eventually([&] { return !bench.status(Lane::probe).up && !bench.status(Lane::sample).up; }));
  CHECK_FALSE(bench.query(Lane::probe, "SELECT 1", 300));
  CHECK_FALSE(bench.status(Lane::advise).up);
  for (const auto lane : {Lane::probe, Lane::sample})
    CHECK_THAT(bench.status(lane).last_error, ContainsSubstring("No such file or directory"));
}

TEST_CASE("a lease is exclusive and takes its locks and settings with it") {
  PgCluster cluster;
  Bench bench(cluster);
  int pid = 0;
  {
    auto lease = bench.lease(Lane::act);
    REQUIRE(lease);
    pid = (*lease)->backend_pid();
    REQUIRE(
        bench.world.run((*lease)->execute("SELECT pg_advisory_lock(1, 2); SET lock_timeout = 0; BEGIN", in(3'000))));
    CHECK(cluster.exec("postgres", "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == "1");
    const auto second = bench.world.run(bench.lanes.lease(Lane::act, "", in(100)));
    REQUIRE_FALSE(second);
    CHECK(second.error().code == Errc::timeout);
  }
  CHECK(eventually(
      [&] { return cluster.exec("postgres", "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == "0"; }));
  auto next = bench.lease(Lane::act);
  REQUIRE(next);
  CHECK((*next)->backend_pid() != pid);
  const auto setting = bench.world.run((*next)->query("SHOW lock_timeout", {}, in(3'000)));
  CHECK(setting->text(0, "lock_timeout") == "100ms");
}

TEST_CASE("an old session is replaced without a moment in which the lane has none") {
  PgCluster cluster;
  auto options = options_for(cluster.parameters());
  options.recycle_after = Millis(1);
  Bench bench(options);
  const auto first = bench.query(Lane::probe, "SELECT pg_backend_pid() AS pid, pg_sleep(0.01)")->integer(0, "pid");
  const auto second = bench.query(Lane::probe, "SELECT pg_backend_pid() AS pid, pg_sleep(0.01)")->integer(0, "pid");
  CHECK(first != second);
  cluster.exec("postgres", "ALTER SYSTEM SET max_connections = 40");
  cluster.exec("postgres", "UPDATE pg_database SET datconnlimit = 0 WHERE datname = 'postgres'");
  CHECK(bench.query(Lane::probe, "SELECT 1"));
}

TEST_CASE("what an ended session cost its server is told once") {
  PgCluster cluster;
  Bench bench(cluster);
  REQUIRE(bench.query(pg::Lane::sample, "SELECT sum(n) FROM generate_series(1, 300000) n", 10'000, "template1"));
  CHECK(bench.lanes.take_ended().empty());
  bench.lanes.leave(pg::Lane::sample);
  const auto ended = bench.lanes.take_ended();
  REQUIRE(ended.size() == 1);
  CHECK(ended.begin()->second > 0.005);
  CHECK(bench.lanes.take_ended().empty());
}

TEST_CASE("closing cancels what runs and ends every session") {
  PgCluster cluster;
  Bench bench(cluster);
  bool ended = false;
  auto running = [&]() -> net::Task<void> {
    auto answer = co_await bench.lanes.query(Lane::sample, "", "slow", "SELECT pg_sleep(60)", {}, Millis(60'000));
    CHECK_FALSE(answer);
    ended = true;
  };
  net::asio::co_spawn(bench.world.context(), running(), [](std::exception_ptr) {});
  const auto sleeping = [&] {
    REQUIRE(bench.query(Lane::probe, "SELECT 1"));
    return cluster.exec("postgres", "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == "1";
  };
  REQUIRE(eventually(sleeping));
  const auto begun = std::chrono::steady_clock::now();
  bench.world.run(bench.lanes.close());
  CHECK(std::chrono::steady_clock::now() - begun < Millis(3'000));
  CHECK(ended);
  CHECK(bench.lanes.sessions().empty());
  CHECK(eventually([&] {
    return cluster.exec("postgres", "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pgtend/%'") ==
           "0";
  }));
  const auto late = bench.query(Lane::probe, "SELECT 1");
  REQUIRE_FALSE(late);
  CHECK(late.error().code == Errc::cancelled);
}

TEST_CASE("with the shipped roles advising reads all it needs and acting has no right before SET ROLE") {
  PgCluster cluster;
  cluster.exec(
      "postgres",
      "CREATE ROLE app_owner LOGIN; CREATE TABLE orders (n int); INSERT INTO orders SELECT generate_series(1, 100);"
      " ANALYZE orders; ALTER TABLE orders OWNER TO app_owner");
  cluster.psql_file("postgres", std::filesystem::path(pgtend::test::source_dir()) / "packaging/sql/roles.sql",
                    {{"owner", "app_owner"}});
  cluster.session("postgres", "app_owner").exec("SELECT count(*) FROM orders WHERE n = 7");
  auto options = options_for(cluster.parameters("postgres", "pgtend_monitor"));
  options.operator_.parameters = cluster.parameters("postgres", "pgtend_operator");
  Bench bench(options);

  CHECK(bench.query(Lane::advise, "SELECT count(*) AS n FROM pg_stats WHERE tablename = 'orders'")->integer(0, "n") ==
        1);
  CHECK(bench.query(Lane::advise, "EXPLAIN SELECT * FROM public.orders WHERE n = 7"));
  const auto texts = bench.query(
      Lane::advise, "SELECT count(*) AS n FROM public.pg_stat_statements WHERE query LIKE '%orders WHERE n =%'");
  REQUIRE(texts);
  CHECK(texts->integer(0, "n") == 1);
  const auto written = bench.query(Lane::advise, "DELETE FROM public.orders");
  REQUIRE_FALSE(written);
  CHECK(written.error().sqlstate == "25006");

  auto lease = bench.lease(Lane::act);
  REQUIRE(lease);
  const auto early = bench.world.run((*lease)->execute("CREATE INDEX ON public.orders (n)", in(5'000)));
  REQUIRE_FALSE(early);
  CHECK(early.error().code == Errc::permission);
  CHECK(bench.world.run((*lease)->execute("SET ROLE app_owner", in(5'000))));
  CHECK(bench.world.run((*lease)->execute("CREATE INDEX CONCURRENTLY orders_n ON public.orders (n)", in(5'000))));
  CHECK(cluster.exec("postgres", "SELECT indisvalid FROM pg_index WHERE indexrelid = 'orders_n'::regclass") == "t");
}
