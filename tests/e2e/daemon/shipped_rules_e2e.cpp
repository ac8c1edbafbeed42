// Shipped rules on a real server whose condition is brought about, each with the false alarm it must not give. Only
// their `for` is taken away: waiting is the life cycle's, and tested there.
#include "tests/e2e/daemon/rule_scene.hpp"

using namespace pgtend::test;

namespace {

using Scene = RuleScene;

std::vector<PgSession> sessions(const PgCluster& cluster, std::size_t count) {
  std::vector<PgSession> out;
  out.reserve(count);
  for (std::size_t i = 0; i < count; ++i) out.push_back(cluster.session());
  return out;
}

void deadlock(const PgCluster& cluster) {
  auto a = cluster.session(), b = cluster.session();
  for (auto* one : {&a, &b}) one->exec("begin");
  a.exec("select pg_advisory_xact_lock(1)");
  b.exec("select pg_advisory_xact_lock(2)");
  a.send("select pg_advisory_xact_lock(2)");
  const bool b_lost = b.sqlstate_of("select pg_advisory_xact_lock(1)") == "40P01";
  if (b_lost) {
    b.exec("rollback");
    a.finish();
  } else {
    CHECK_THROWS(a.finish());
  }
}

}  // namespace

TEST_CASE("PgConnectionsHigh and PgConnectionsExhausted count clients, not walsenders") {
  Scene scene({{"max_connections", "20"}, {"superuser_reserved_connections", "3"}, {"max_wal_senders", "12"}},
              {"connections"});
  scene.start_seeing("pgtend_connections_used_ratio");
  std::vector<PgSession> walsenders;
  for (int i = 0; i < 12; ++i) walsenders.emplace_back(scene.cluster.conninfo() + " replication=database");
  scene.must_stay_quiet("PgConnectionsHigh", "pgtend_connections_walsenders == 12");
  // 14 of 17 are above 0.8, and 16 with the one that counts them above 0.95, however many more the agent has open.
  const auto clients = sessions(scene.cluster, 14);
  scene.must_fire("PgConnectionsHigh");
  const auto more = sessions(scene.cluster, 2);
  scene.must_fire("PgConnectionsExhausted");
}

TEST_CASE("PgBlockedSessions needs a queue, not a few waiters") {
  Scene scene({}, {"lock_waits"});
  scene.cluster.exec("postgres", "create table t ()");
  auto holder = scene.cluster.session();
  holder.exec("begin; lock table t");
  scene.start_seeing("pgtend_blocked_sessions");
  auto waiters = sessions(scene.cluster, 6);
  for (int i = 0; i < 5; ++i) waiters[static_cast<std::size_t>(i)].send("begin; lock table t");
  scene.must_stay_quiet("PgBlockedSessions", "pgtend_blocked_sessions == 5");
  waiters[5].send("begin; lock table t");
  scene.must_fire("PgBlockedSessions");
  CHECK(scene.firing("PgBlockedSessions").front()["datname"] == "postgres");
  holder.exec("rollback");
  REQUIRE(eventually([&] { return scene.firing("PgBlockedSessions").empty(); }, kSoon));
}

TEST_CASE("PgDeadlocks looks at what was added, not at what the counter holds") {
  Scene scene({{"deadlock_timeout", "10ms"}}, {"database"});
  for (int i = 0; i < 8; ++i) deadlock(scene.cluster);
  scene.daemon.start();
  scene.must_stay_quiet("PgDeadlocks", "pg_stat_database_deadlocks{datname=\"postgres\"} >= 8");
  for (int i = 0; i < 8; ++i) deadlock(scene.cluster);
  scene.must_fire("PgDeadlocks");
  CHECK(scene.firing("PgDeadlocks").front()["datname"] == "postgres");
}

TEST_CASE("PgLockTableFull knows that prepared transactions have room in the table too") {
  Scene scene({{"max_connections", "20"}, {"max_prepared_transactions", "20"}, {"max_locks_per_transaction", "10"}},
              {"lock_table"});
  scene.start_seeing("pgtend_lock_table_used_ratio");
  auto session = scene.cluster.session();
  // 0.3 of what connections alone have.
  session.exec("select pg_advisory_lock(i) from generate_series(1, 60) i");
  scene.must_stay_quiet("PgLockTableFull", "pgtend_lock_table_used_ratio >= 0.15");
  session.exec("select pg_advisory_lock(i) from generate_series(61, 120) i");
  scene.must_fire("PgLockTableFull");
}

TEST_CASE("PgInvalidIndex leaves alone an index that is being built") {
  Scene scene({}, {"index_validity"});
  scene.cluster.exec("postgres", "create table t (a int); insert into t values (1), (1)");
  scene.cluster.exec("postgres", "create table building (a int)");
  auto writer = scene.cluster.session(), builder = scene.cluster.session();
  writer.exec("begin; insert into building values (1)");
  builder.send("create index concurrently waits on building (a)");
  CHECK(scene.cluster.session().sqlstate_of("create unique index concurrently broken on t (a)") == "23505");
  scene.daemon.start();
  scene.must_fire("PgInvalidIndex");
  CHECK(scene.cluster.exec("postgres", "select count(*) from pg_index where not indisvalid") == "2");
  const auto alerts = scene.firing("PgInvalidIndex");
  REQUIRE(alerts.size() == 1);
  CHECK(alerts.front()["indexrelname"] == "broken");
  writer.exec("rollback");
  builder.finish();
}

TEST_CASE("PgSequenceExhaust leaves alone a sequence that cycles") {
  Scene scene({}, {"sequences"});
  scene.cluster.exec("postgres", "create sequence round maxvalue 100 cycle; select setval('round', 99)");
  scene.cluster.exec("postgres", "create sequence ids maxvalue 100; select setval('ids', 50)");
  scene.daemon.start();
  scene.must_stay_quiet("PgSequenceExhaust", "pgtend_sequence_used_ratio{sequencename=\"ids\"} > 0.4");
  scene.cluster.exec("postgres", "select setval('ids', 95)");
  scene.must_fire("PgSequenceExhaust");
  for (const auto& labels : scene.firing("PgSequenceExhaust")) CHECK(labels["sequencename"] == "ids");
}

TEST_CASE("PgPartitionRunway tells of the table whose partitions end, and of the one where they have") {
  Scene scene({}, {"partitions"});
  const auto until = [&](const std::string& table, const std::string& end) {
    scene.cluster.exec("postgres", "create table " + table + " (at timestamptz) partition by range (at)");
    scene.cluster.exec("postgres", "do $$ begin execute format('create table " + table + "_1 partition of " + table +
                                       " for values from (''2000-01-01'') to (%L)', now() + interval '" + end +
                                       "'); end $$");
  };
  until("roomy", "30 days");
  until("closed", "-30 days");
  scene.daemon.start();
  scene.must_stay_quiet("PgPartitionRunway", "pgtend_partitioned_table_covered_until_seconds{relname=\"roomy\"} > 0");
  until("ending", "2 days");
  until("ended", "-1 hour");
  scene.must_fire("PgPartitionRunway");
  std::set<std::string> told;
  CHECK(eventually(
      [&] {
        for (const auto& labels : scene.firing("PgPartitionRunway"))
          told.insert(labels["relname"].get<std::string>() + " " + labels["severity"].get<std::string>());
        return told.contains("ending warning") && told.contains("ended critical");
      },
      kSoon));
  for (const auto* quiet : {"roomy warning", "closed warning", "closed critical"}) CHECK_FALSE(told.contains(quiet));
}

TEST_CASE("PgMigrationStuck tells which tool is stuck") {
  Scene scene({}, {"golang_migrate", "flyway"});
  scene.cluster.exec("postgres",
                     "create table schema_migrations(version bigint primary key, dirty boolean not null); "
                     "insert into schema_migrations values (1, false)");
  scene.daemon.start();
  scene.must_stay_quiet("PgMigrationStuck", "pgtend_golang_migrate_dirty == 0");
  scene.cluster.exec("postgres", "update schema_migrations set dirty = true");
  scene.must_fire("PgMigrationStuck");
  for (const auto& labels : scene.firing("PgMigrationStuck")) CHECK(labels["tool"] == "golang-migrate");
}

TEST_CASE("PgPendingRestart does not speak of what a reload settles") {
  Scene scene({}, {"settings_pending"});
  scene.start_seeing("pgtend_settings_pending_restart == 0");
  scene.cluster.set("work_mem", "5MB");
  scene.cluster.reload();
  scene.must_stay_quiet("PgPendingRestart", "pgtend_settings_pending_restart == 0");
  scene.cluster.set("max_connections", "77");
  scene.cluster.reload();
  scene.must_fire("PgPendingRestart");
}

TEST_CASE("PgRestarted is about the server, not about the agent") {
  Scene scene({}, {});
  scene.start_seeing("pg_postmaster_start_time_seconds");
  scene.daemon.kill();
  scene.daemon.start();
  scene.must_stay_quiet("PgRestarted", "pg_up == 1");
  scene.cluster.restart();
  scene.must_fire("PgRestarted");
}

TEST_CASE("PgDeadRows, PgAutovacuumOverdue and PgAnalyzeOverdue leave small tables alone") {
  Scene scene({{"autovacuum_naptime", "1d"}}, {"tables"});
  scene.cluster.exec("postgres",
                     "create table small as select i from generate_series(1, 5000) i;"
                     "create table large as select i from generate_series(1, 30000) i");
  scene.cluster.exec("postgres", "analyze");
  scene.cluster.exec("postgres", "delete from small where i > 100");
  scene.daemon.start();
  scene.must_stay_quiet("PgDeadRows", "pg_stat_user_tables_n_dead_tup{relname=\"small\"} > 4000");
  CHECK(scene.firing("PgAnalyzeOverdue").empty());
  scene.cluster.exec("postgres", "delete from large where i > 5000");
  for (const auto* rule : {"PgDeadRows", "PgAutovacuumOverdue", "PgAnalyzeOverdue"}) scene.must_fire(rule);
  CHECK(scene.firing("PgDeadRows").front()["relname"] == "large");
}

TEST_CASE("PgRollbackRatio needs traffic") {
  Scene scene({}, {"database"});
  scene.start_seeing("pg_stat_database_xact_rollback{datname=\"postgres\"}");
  // A session reports its counts when it has read something, and all of them when it ends.
  const auto roll_back = [&](int times) {
    auto session = scene.cluster.session();
    for (int i = 0; i < times; ++i) session.exec("begin; select from pg_class limit 1; rollback");
  };
  roll_back(60);
  scene.must_stay_quiet("PgRollbackRatio", "increase(pg_stat_database_xact_rollback{datname=\"postgres\"}[10m]) > 50");
  roll_back(2000);
  scene.must_fire("PgRollbackRatio");
}

TEST_CASE("PgCheckpointsForced needs more than the odd one") {
  Scene scene({}, {"bgwriter", "checkpointer"});
  scene.start_seeing("pg_stat_bgwriter_checkpoints_req_total");
  scene.cluster.exec("postgres", "checkpoint");
  scene.must_stay_quiet("PgCheckpointsForced", "increase(pg_stat_bgwriter_checkpoints_req_total[30m]) > 0");
  for (int i = 0; i < 6; ++i) scene.cluster.exec("postgres", "checkpoint");
  scene.must_fire("PgCheckpointsForced");
}

TEST_CASE("PgWalDirBig and PgSlotLost: a slot that holds WAL within the limits is no trouble") {
  // Segments of these servers have 1 MB.
  Scene scene({{"max_wal_size", "32MB"}, {"min_wal_size", "2MB"}, {"max_slot_wal_keep_size", "100MB"}},
              {"wal_directory", "slot_status"});
  scene.cluster.exec("postgres", "create table t (a int)");
  scene.cluster.exec("postgres", "select pg_create_physical_replication_slot('kept', true)");
  const auto fill = [&](int segments) {
    auto session = scene.cluster.session();
    for (int i = 0; i < segments; ++i) {
      session.exec("insert into t values (1)");
      session.exec("select pg_switch_wal()");
    }
    session.exec("checkpoint");
  };
  scene.daemon.start();
  fill(10);
  scene.must_stay_quiet("PgWalDirBig", "pg_wal_size_bytes > 10e6");
  scene.must_stay_quiet("PgSlotLost", "pgtend_slot_wal_status");
  fill(70);
  scene.must_fire("PgWalDirBig");
  CHECK(scene.firing("PgSlotLost").empty());
  fill(50);
  scene.must_fire("PgSlotLost");
  CHECK(scene.firing("PgSlotLost").front()["slot_name"] == "kept");
}
