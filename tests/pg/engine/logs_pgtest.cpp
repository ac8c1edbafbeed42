// The server's own log, followed and counted while real servers write it.
#include <sys/stat.h>
#include <unistd.h>

#include "agent/engine/log_tailing.hpp"
#include "tests/pg/engine/engine_rig.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/pg_programs.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

class Counter {
 public:
  explicit Counter(const PgCluster& cluster, const std::string& user = "postgres", config::ServerLogConfig logs = {})
      : rig_(cluster, user, std::move(logs)) {
    tailing_.enable(true);
    // Only a session tells whether the server is on this host.
    REQUIRE(rig_.connect(pg::Lane::sample));
    run();
    rig_.world().run(tailing_.read());
  }

  Snapshot run() {
    auto snapshot = std::make_shared<Snapshot>();
    rig_.world().run(tailing_.run(snapshot));
    return *snapshot;
  }
  // Of what was written until now; -1: there is no such series.
  double value(const std::string& name, const Labels& labels = {}) {
    while (rig_.world().run(tailing_.read())) {
    }
    for (const auto& sample : run().samples)
      if (sample.key->name == "pgtend_log_" + name && sample.key->labels == labels) return sample.value;
    return -1;
  }
  bool reaches(const std::string& name, double wanted, const Labels& labels = {}) {
    return eventually([&] { return value(name, labels) >= wanted; });
  }
  const std::optional<pg::Capability>& capability() { return tailing_.capability(); }

 private:
  EngineRig rig_;
  engine::LogTailing tailing_{rig_.parts(), rig_.cost()};
};
SystemClock clock_;
PgClusterOptions logging(int major, const std::string& destination) {
  PgClusterOptions out;
  out.major = major;
  out.settings = {{"logging_collector", "on"},
                  {"log_destination", destination},
                  {"log_filename", "postgresql-%H%M%S.log"},
                  {"log_line_prefix", "%m [%p] %q%u@%d %e "},
                  {"log_lock_waits", "on"},
                  {"deadlock_timeout", "50ms"},
                  {"log_temp_files", "0"},
                  {"work_mem", "64kB"},
                  {"log_autovacuum_min_duration", "0"},
                  {"log_checkpoints", "on"}};
  return out;
}

void cause_deadlock(const PgCluster& cluster) {
  cluster.exec("postgres", "CREATE TABLE d (n int PRIMARY KEY, v int); INSERT INTO d VALUES (1, 0), (2, 0)");
  auto one = cluster.session(), two = cluster.session();
  one.exec("BEGIN; UPDATE d SET v = 1 WHERE n = 1");
  two.exec("BEGIN; UPDATE d SET v = 1 WHERE n = 2");
  one.send("UPDATE d SET v = 1 WHERE n = 2");
  const auto failed = two.sqlstate_of("UPDATE d SET v = 1 WHERE n = 1");
  if (failed == "40P01") {
    two.exec("ROLLBACK");
    one.finish();
  } else {
    CHECK_THROWS(one.finish());
  }
}

const Labels kErrors40{{"sqlstate_class", "40"}};

}  // namespace

TEST_CASE("a deadlock, temporary files, a checkpoint and a refused connection are counted in every format") {
  for (const int major : sample_majors())
    for (const std::string destination : {"stderr", "csvlog", "jsonlog"}) {
      if (destination == "jsonlog" && major < 15) continue;
      CAPTURE(major, destination);
      PgCluster cluster(logging(major, destination));
      Counter counter(cluster);
      REQUIRE(counter.capability());
      INFO(counter.capability()->effect);
      REQUIRE(counter.capability()->present);
      CHECK(counter.value("deadlocks_total") == 0);
      cause_deadlock(cluster);
      cluster.exec("postgres", "SELECT count(*) FROM (SELECT * FROM generate_series(1, 100000) g ORDER BY g DESC) s");
      cluster.exec("postgres", "CHECKPOINT");
      CHECK_THROWS(cluster.session("postgres", "stranger"));
      CHECK_THROWS(cluster.exec("postgres", "SELECT 1/0"));
      CHECK(counter.reaches("errors_total", 1, Labels{{"sqlstate_class", "22"}}));
      CHECK(counter.value("deadlocks_total") == 1);
      CHECK(counter.value("errors_total", kErrors40) == 1);
      CHECK(counter.value("temporary_files_total") >= 1);
      CHECK(counter.value("temporary_bytes_total") > 100'000);
      CHECK(counter.value("checkpoints_total", Labels{{"kind", "checkpoint"}}) >= 1);
      CHECK(counter.value("connections_refused_total", Labels{{"reason", "authentication"}}) == 1);
      CHECK(counter.value("connections_authorized_total") > 3);
      CHECK(counter.value("unreadable_total") == 0);
      CHECK(counter.value("behind_bytes") == 0);
    }
}

TEST_CASE("the log goes on in a new file when the server is told to rotate, and after a crash and a restart") {
  PgCluster cluster(logging(0, "csvlog"));
  Counter counter(cluster);
  const auto fail_once = [&] { CHECK_THROWS(cluster.exec("postgres", "SELECT 1/0")); };
  const Labels division{{"sqlstate_class", "22"}};
  fail_once();
  REQUIRE(counter.reaches("errors_total", 1, division));
  const auto before = cluster.exec("postgres", "SELECT pg_current_logfile()");
  REQUIRE(eventually([&] {
    cluster.exec("postgres", "SELECT pg_rotate_logfile()");
    return cluster.exec("postgres", "SELECT pg_current_logfile()") != before;
  }));
  fail_once();
  CHECK(counter.reaches("errors_total", 2, division));
  CHECK(counter.value("errors_total", division) == 2);

  // One backend is killed: the server crashes as a whole and recovers.
  auto victim = cluster.session();
  ::kill(victim.backend_pid(), SIGKILL);
  CHECK(counter.reaches("crashes_total", 1, Labels{{"signal", "9"}}));
  CHECK(counter.reaches("starts_total", 1));
  CHECK(counter.value("recoveries_total") == 1);
  REQUIRE(eventually([&] { return cluster.is_up(); }));

  // While the server is away what it wrote before is counted, and what it writes when it is back.
  cluster.stop();
  CHECK(counter.reaches("shutdowns_total", 1));
  cluster.start();
  CHECK(counter.reaches("starts_total", 2));
  fail_once();
  CHECK(counter.reaches("errors_total", 3, division));
}

TEST_CASE("an automatic vacuum is counted by its table, and a statement's text nowhere") {
  auto options = logging(0, "csvlog");
  options.settings["autovacuum_naptime"] = "1s";
  options.settings["shared_preload_libraries"] = "auto_explain";
  options.settings["auto_explain.log_min_duration"] = "0";
  options.settings["compute_query_id"] = "on";
  PgCluster cluster(options);
  Counter counter(cluster);
  cluster.exec("postgres",
               "CREATE TABLE v (n int, t text) WITH (autovacuum_vacuum_threshold = 10);"
               " INSERT INTO v SELECT g, 'confidential' FROM generate_series(1, 1000) g; DELETE FROM v WHERE n > 100");
  const Labels table{{"datname", "postgres"}, {"relname", "v"}, {"schemaname", "public"}};
  CHECK(eventually([&] { return counter.value("autovacuum_removed_total", table) >= 900; }, Millis(30'000)));
  const auto snapshot = counter.run();
  double plans = 0;
  for (const auto& sample : snapshot.samples) {
    if (sample.key->name == "pgtend_log_plans_total") plans += sample.value;
    CHECK(to_string(*sample.key).find("confidential") == std::string::npos);
  }
  CHECK(plans >= 2);
}

TEST_CASE("what cannot be read is advice with its cure, and a failure when it was configured") {
  PgCluster cluster(logging(0, "csvlog"));
  cluster.exec("postgres", "CREATE ROLE stranger LOGIN");
  {
    Counter counter(cluster, "stranger");
    REQUIRE(counter.capability());
    CHECK_FALSE(counter.capability()->present);
    CHECK(counter.capability()->advice);
    CHECK(counter.capability()->cure == "GRANT pg_read_all_settings TO \"stranger\";");
    const auto snapshot = counter.run();
    CHECK(snapshot.status == CollectStatus::unsupported);
    CHECK(snapshot.detail.find("pg_read_all_settings") != std::string::npos);
    CHECK(snapshot.samples.empty());
  }
  cluster.exec("postgres", "GRANT pg_read_all_settings TO stranger");
  CHECK(Counter(cluster, "stranger").capability()->present);
  PgCluster plain;
  CHECK(Counter(plain).capability()->cure.find("logging_collector") != std::string::npos);
  Counter configured(plain, "postgres", {"/nowhere/postgresql.log"});
  CHECK_FALSE(configured.capability()->advice);
  CHECK(configured.run().status == CollectStatus::permission);
  CHECK(configured.run().detail.find("postgresql.logs.path") != std::string::npos);
  // The file of a server without a collector, named by hand.
  Counter named(plain, "postgres", {plain.data_dir().parent_path() / "server.log"});
  REQUIRE(named.capability()->present);
  CHECK_THROWS(plain.exec("postgres", "SELECT 1/0"));
  CHECK(named.reaches("entries_total", 1, Labels{{"severity", "error"}}));
}

TEST_CASE("a log that grows too fast is skipped in part, and that is counted") {
  PgCluster cluster(logging(0, "csvlog"));
  config::ServerLogConfig slow;
  slow.max_bytes_per_second = 4096;
  Counter counter(cluster, "postgres", slow);
  cluster.exec(
      "postgres",
      "DO $$ BEGIN FOR i IN 1..2000 LOOP RAISE LOG 'many words, so that the log grows: %', i; END LOOP; END $$");
  CHECK(eventually([&] { return counter.value("skipped_bytes_total") > 50'000; }));
  CHECK_THROWS(cluster.exec("postgres", "SELECT 1/0"));
  CHECK(counter.reaches("errors_total", 1, Labels{{"sqlstate_class", "22"}}));
}
