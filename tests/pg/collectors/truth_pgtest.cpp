// One value of each collector against what the server says when asked another way.
#include <cmath>

#include "tests/pg/collectors/scene.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

double number(const PgCluster& cluster, const std::string& sql, const std::string& database = "shop") {
  return std::stod(cluster.exec(database, sql));
}

}  // namespace

TEST_CASE("instance-wide collectors say what the server says") {
  PgCluster cluster;
  make_shop(cluster);
  cluster.exec("shop", "CHECKPOINT");
  cluster.exec("shop", "SELECT pg_create_physical_replication_slot('spare', true)");
  cluster.set("max_connections", "77");
  cluster.reload();
  CollectorSession monitor(cluster);
  const auto value = [&](const std::string& collector, const std::string& key) {
    const auto values = monitor.values(collector);
    INFO(collector << " " << key);
    REQUIRE(values.contains(key));
    return values.at(key);
  };

  CHECK(value("identity", "pg_up") == 1);
  CHECK(value("identity", "pg_postmaster_start_time_seconds") ==
        Approx(number(cluster, "SELECT extract(epoch FROM pg_postmaster_start_time())")).epsilon(1e-12));
  CHECK(monitor.values("server_info").begin()->first.find("short_version=\"15.") != std::string::npos);
  CHECK(value("connections", "pgtend_connections_max") == number(cluster, "SELECT current_setting('max_connections')"));
  CHECK(value("connections", "pgtend_connections") >= 1);
  const std::string oid = cluster.exec("shop", "SELECT oid FROM pg_database WHERE datname = 'shop'");
  CHECK(value("database", "pg_stat_database_tup_inserted{datid=\"" + oid + "\",datname=\"shop\"}") >= 5000);
  CHECK(value("database_conflicts", "pgtend_conflicts_lock_total{datid=\"" + oid + "\",datname=\"shop\"}") == 0);
  CHECK(value("database_size", R"(pg_database_size_bytes{datname="shop"})") ==
        Approx(number(cluster, "SELECT pg_database_size('shop')")).epsilon(0.01));
  CHECK(value("bgwriter", "pg_stat_bgwriter_checkpoints_req_total") ==
        number(cluster, "SELECT checkpoints_req FROM pg_stat_bgwriter"));
  CHECK(value("wal", "pgtend_wal_bytes_total") > 1e6);
  CHECK(value("wal_position", "pgtend_wal_position_bytes") ==
        Approx(number(cluster, "SELECT pg_current_wal_lsn() - '0/0'")).epsilon(0.001));
  CHECK(value("wal_directory", "pg_wal_segments") == number(cluster, "SELECT count(*) FROM pg_ls_waldir()"));
  CHECK(value("wal_archive_queue", "pgtend_wal_archive_ready_files") == 0);
  CHECK(value("archiver", "pg_stat_archiver_archived_count") == 0);
  CHECK(value("recovery", "pg_replication_is_replica") == 0);
  CHECK(value("slots", R"(pgtend_slot_active{slot_name="spare",slot_type="physical"})") == 0);
  CHECK(value("slots", R"(pgtend_slot_retained_bytes{slot_name="spare",slot_type="physical"})") >= 0);
  // Each name with the labels that the exporter's has.
  CHECK(value("slots", R"(pg_replication_slots_active{slot_name="spare"})") == 0);
  CHECK(value("slots", R"(pg_replication_slots_slot_is_active{slot_name="spare",slot_type="physical"})") == 0);
  CHECK(value("slot_status",
              R"(pg_replication_slots_wal_status{slot_name="spare",slot_type="physical",wal_status="reserved"})") == 1);
  CHECK(value("roles", R"(pg_roles_connection_limit{rolname="monitor"})") == -1);
  CHECK(value("wraparound", R"(pgtend_xid_age{datname="shop"})") ==
        Approx(number(cluster, "SELECT age(datfrozenxid) FROM pg_database WHERE datname = 'shop'")).margin(5));
  CHECK(value("wraparound", R"(pgtend_xid_wraparound_ratio{datname="shop"})") ==
        Approx(value("wraparound", R"(pgtend_xid_age{datname="shop"})") / 2147483648.0).margin(1e-8));
  CHECK(value("security", "pgtend_pgaudit_loaded") == 0);
  const auto beat = value("replication_heartbeat", "pgtend_replication_heartbeat_position_bytes");
  CHECK(value("replication_heartbeat", "pgtend_replication_heartbeat_position_bytes") >= beat + 100);
  CHECK(value("lock_table", "pgtend_lock_table_used_ratio") < 0.01);
  CHECK(value("settings_pending", "pgtend_settings_pending_restart") == 1);
  CHECK(value("statements_table", "pgtend_statements_entries_max") == 5000);
  CHECK(value("long_transactions", "pg_long_running_transactions") == 0);
}

TEST_CASE("tables, indexes and views of a database are counted truly") {
  PgCluster cluster;
  make_shop(cluster);
  auto writer = cluster.session("shop");
  writer.exec("UPDATE orders SET note = note WHERE id <= 150; SELECT pg_stat_force_next_flush()");
  writer.exec("SELECT * FROM top_customers; SELECT pg_stat_force_next_flush()");
  writer.exec("SELECT 1");
  CollectorSession monitor(cluster);
  const auto label = [](const std::string& relation) {
    return "{datname=\"shop\",relname=\"" + relation + "\",schemaname=\"public\"}";
  };
  const auto tables = monitor.values("tables");
  CHECK(tables.at("pg_stat_user_tables_n_tup_upd" + label("orders")) == 150);
  CHECK(tables.at("pg_stat_user_tables_n_dead_tup" + label("orders")) == 150);
  // The table's own threshold of 100 rows goes before the server's 50 + 20 %.
  CHECK(tables.at("pgtend_table_autovacuum_threshold_ratio" + label("orders")) == Approx(1.5));
  CHECK(tables.at("pgtend_table_autovacuum_threshold_ratio" + label("customers")) == 0);
  CHECK(tables.at("pgtend_table_autovacuum_off" + label("orders")) == 1);
  CHECK(tables.at("pgtend_table_estimated_rows" + label("orders")) == 5000);
  CHECK(tables.at("pgtend_table_size_estimate_bytes" + label("orders")) ==
        number(cluster, "SELECT relpages * 8192 FROM pg_class WHERE relname = 'orders'"));
  CHECK(tables.at("pgtend_table_last_analyze_time_seconds" + label("orders")) ==
        Approx(number(cluster,
                      "SELECT extract(epoch FROM last_analyze) FROM pg_stat_user_tables WHERE relname = 'orders'"))
            .epsilon(1e-12));
  CHECK(monitor.values("table_io").at("pg_statio_user_tables_heap_blocks_hit" + label("orders")) > 0);

  const std::string primary = R"({datname="shop",indexrelname="orders_pkey",relname="orders",schemaname="public"})";
  CHECK(monitor.values("indexes").at("pgtend_index_scans_total" + primary) ==
        number(cluster, "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'orders_pkey'"));
  CHECK(monitor.values("index_io").contains("pg_statio_user_indexes_idx_blks_hit_total" + primary));
  const std::string view = R"({datname="shop",matviewname="top_customers",schemaname="public"})";
  const auto views = monitor.values("matviews");
  CHECK(views.at("pgtend_matview_populated" + view) == 1);
  CHECK(views.at("pgtend_matview_concurrently_possible" + view) == 1);
  CHECK(views.at("pgtend_matview_scans_total" + view) >= 1);
}

TEST_CASE("of many relations the statement itself picks the greatest and counts the rest") {
  PgCluster cluster;
  make_shop(cluster);
  cluster.exec("shop", "CREATE TABLE small(id int PRIMARY KEY); INSERT INTO small VALUES (1)");
  cluster.exec("shop", "VACUUM ANALYZE");
  CollectorSession monitor(cluster);
  for (const auto* name : {"tables", "table_io", "indexes", "index_io"}) {
    CAPTURE(name);
    auto def = shipped(name);
    const auto all = monitor.collect(def);
    REQUIRE(all.rows.size() > 1);
    CHECK(all.run.dropped == 0);
    def.max_series = 1;
    const auto one = monitor.collect(def);
    REQUIRE(one.rows.size() == 1);
    CHECK(one.rows.text(0, "relname") == "orders");
    CHECK(one.run.dropped == all.rows.size() - 1);
  }
}

TEST_CASE("a plain refresh of a view is dated by a server that keeps the times of commits") {
  for (const bool keeps : {true, false}) {
    PgClusterOptions options;
    options.settings = {{"track_commit_timestamp", keeps ? "on" : "off"}};
    PgCluster cluster(options);
    make_shop(cluster);
    const auto refreshed = [&] {
      const auto values = CollectorSession(cluster).values("matviews");
      const auto at = values.find(
          R"(pgtend_matview_last_refresh_time_seconds{datname="shop",matviewname="top_customers",schemaname="public"})");
      return at == values.end() ? 0.0 : at->second;
    };
    const auto before = number(cluster, "SELECT extract(epoch FROM clock_timestamp())");
    CHECK(refreshed() < before);
    cluster.exec("shop", "REFRESH MATERIALIZED VIEW top_customers");
    CHECK((refreshed() >= before) == keeps);
  }
}

TEST_CASE("another value of a setting is another fingerprint") {
  PgCluster cluster;
  make_shop(cluster);
  CollectorSession monitor(cluster);
  const auto fingerprint = [&] { return monitor.values("settings_pending").at("pgtend_settings_fingerprint"); };
  const auto before = fingerprint();
  monitor.session.exec("SET work_mem = '9MB'");
  CHECK(fingerprint() == before);
  cluster.exec("postgres", "ALTER SYSTEM SET work_mem = '7MB'");
  cluster.reload();
  CHECK(eventually([&] { return fingerprint() != before; }));
}

TEST_CASE("an invalid index is reported unless somebody is building it") {
  PgCluster cluster;
  make_shop(cluster);
  CollectorSession monitor(cluster);
  CHECK(monitor.values("index_validity").empty());
  const std::string key =
      R"(pgtend_index_invalid{datname="shop",indexrelname="orders_total",relname="orders",schemaname="public"})";
  auto reader = cluster.session("shop"), builder = cluster.session("shop");
  reader.exec("BEGIN; UPDATE orders SET note = note WHERE id = 1");
  builder.send("CREATE INDEX CONCURRENTLY orders_total ON orders(total)");
  REQUIRE(
      eventually([&] { return cluster.exec("shop", "SELECT count(*) FROM pg_index WHERE NOT indisvalid") == "1"; }));
  CHECK(monitor.values("index_validity").empty());
  cluster.exec("shop", "SELECT pg_terminate_backend(" + std::to_string(builder.backend_pid()) + ")");
  REQUIRE(
      eventually([&] { return cluster.exec("shop", "SELECT count(*) FROM pg_stat_progress_create_index") == "0"; }));
  CHECK(monitor.values("index_validity") == std::map<std::string, double>{{key, 1}});
}

TEST_CASE("waiting, working and idling in a transaction are told apart") {
  PgCluster cluster;
  make_shop(cluster);
  cluster.exec("postgres", "CREATE ROLE app LOGIN SUPERUSER");
  CollectorSession monitor(cluster);
  auto idler = cluster.session("shop", "app"), worker = cluster.session("shop"),
       holder = cluster.session("shop", "app");
  idler.exec("BEGIN; SELECT 1");
  worker.send("SELECT pg_sleep(60)");
  REQUIRE(eventually([&] {
    const auto ages = monitor.values("transactions");
    return ages.at(R"(pgtend_transaction_age_seconds{datname="shop",usename="postgres"})") > 0.3 &&
           ages.at(R"(pgtend_idle_in_transaction_age_seconds{datname="shop",usename="app"})") > 0.3;
  }));
  const auto ages = monitor.values("transactions");
  CHECK(ages.at(R"(pgtend_transaction_age_seconds{datname="shop",usename="app"})") == 0);
  CHECK(ages.at(R"(pgtend_idle_in_transaction_age_seconds{datname="shop",usename="postgres"})") == 0);
  CHECK(ages.at(R"(pgtend_idle_in_transaction_sessions{datname="shop",usename="app"})") == 1);

  const auto sessions = monitor.values("sessions");
  double idle = 0;
  for (const auto& [key, value] : sessions)
    if (key.starts_with("pg_stat_activity_count{") && key.find("state=\"idle in transaction\"") != std::string::npos &&
        key.find("datname=\"shop\"") != std::string::npos)
      idle += value;
  CHECK(idle == 1);
  CHECK(sessions.at(R"(pg_stat_activity_count{datname="template1",state="disabled"})") == 0);

  holder.exec("BEGIN; LOCK TABLE customers");
  idler.send("SELECT count(*) FROM customers");
  const std::string blocked = R"(pgtend_blocked_sessions{datname="shop"})";
  REQUIRE(eventually([&] { return monitor.values("lock_waits").at(blocked) == 1; }));
  REQUIRE(eventually(
      [&] { return monitor.values("lock_waits").at(R"(pgtend_lock_wait_age_seconds{datname="shop"})") > 0.2; }));
  CHECK(monitor.values("locks").at(R"(pg_locks_count{datname="shop",mode="accessexclusivelock"})") == 1);
  CHECK(monitor.values("locks").at(R"(pgtend_locks_waiting{datname="shop",mode="accesssharelock"})") == 1);
  CHECK(monitor.values("lock_waits").at(R"(pgtend_blocked_sessions{datname="postgres"})") == 0);
  cluster.exec("postgres", "SELECT pg_terminate_backend(" + std::to_string(worker.backend_pid()) + ")");
}

TEST_CASE("the holder of the oldest snapshot is named by its kind") {
  PgClusterOptions options;
  options.settings = {{"max_prepared_transactions", "5"}};
  PgCluster cluster(options);
  make_shop(cluster);
  CollectorSession monitor(cluster);
  auto session = cluster.session("shop");
  session.exec("BEGIN; UPDATE orders SET note = 'x' WHERE id = 1; PREPARE TRANSACTION 'left'");
  for (int i = 0; i < 12; ++i) cluster.exec("shop", "UPDATE customers SET name = name WHERE id = 1");
  CHECK(monitor.values("xmin").at(R"(pgtend_xmin_age{holder="prepared"})") >= 12);
  CHECK(monitor.values("xmin").at(R"(pgtend_xmin_age{holder="session"})") < 5);
  CHECK(monitor.values("prepared").at(R"(pgtend_prepared_transactions{datname="shop"})") == 1);
  session.exec("ROLLBACK PREPARED 'left'");
  session.exec("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1");
  for (int i = 0; i < 12; ++i) cluster.exec("shop", "UPDATE customers SET name = name WHERE id = 1");
  CHECK(monitor.values("xmin").at(R"(pgtend_xmin_age{holder="prepared"})") == 0);
  CHECK(monitor.values("xmin").at(R"(pgtend_xmin_age{holder="session"})") >= 12);
}

TEST_CASE("what a standby holds back is its own while it is there, and its slot's when it is gone") {
  PgCluster cluster;
  make_shop(cluster);
  cluster.exec("shop", "SELECT pg_create_physical_replication_slot('feedback')");
  const auto standby = cluster.make_standby();
  for (const auto* sql :
       {"ALTER SYSTEM SET primary_slot_name = 'feedback'", "ALTER SYSTEM SET hot_standby_feedback = on",
        "ALTER SYSTEM SET wal_receiver_status_interval = '1s'"})
    standby->exec("postgres", sql);
  standby->reload();
  auto reader = standby->session("shop");
  reader.exec("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1");
  CollectorSession monitor(cluster);
  const auto age = [&](const std::string& holder) {
    return monitor.values("xmin").at("pgtend_xmin_age{holder=\"" + holder + "\"}");
  };
  REQUIRE(eventually([&] { return cluster.exec("shop", "SELECT xmin IS NOT NULL FROM pg_replication_slots") == "t"; }));
  for (int i = 0; i < 12; ++i) cluster.exec("shop", "UPDATE customers SET name = name WHERE id = 1");
  CHECK(age("standby") >= 12);
  CHECK(age("slot") == 0);
  standby->stop("immediate");
  REQUIRE(eventually([&] { return cluster.exec("shop", "SELECT active FROM pg_replication_slots") == "f"; }));
  CHECK(age("standby") == 0);
  CHECK(age("slot") >= 12);
}

TEST_CASE("statements are one series each, nested and top-level runs added up") {
  PgCluster cluster;
  make_shop(cluster);
  cluster.exec("shop", "SELECT extras.pg_stat_statements_reset()");
  auto app = cluster.session("shop");
  app.exec("SET pg_stat_statements.track = 'all'");
  app.exec(
      "CREATE FUNCTION nested() RETURNS bigint LANGUAGE plpgsql AS 'DECLARE n bigint; BEGIN SELECT count(*) INTO n "
      "FROM orders; RETURN n; END'");
  for (int i = 0; i < 4; ++i) app.exec("SELECT nested()");
  for (int i = 0; i < 3; ++i) app.exec("SELECT count(*) FROM orders");
  const std::string id = cluster.exec(
      "shop", "SELECT queryid FROM extras.pg_stat_statements WHERE query LIKE 'SELECT count(*) FROM orders' LIMIT 1");
  const std::string entries =
      cluster.exec("shop", "SELECT count(*) FROM extras.pg_stat_statements WHERE queryid = " + id);
  CollectorSession monitor(cluster);
  const auto outcome = monitor.collect(shipped("statements"));
  CHECK(outcome.run.duplicates == 0);
  const auto values = monitor.values("statements");
  const std::string labels = "{datname=\"shop\",queryid=\"" + id + "\",usename=\"postgres\"}";
  INFO("entries of this id: " << entries);
  CHECK(values.at("pgtend_statements_calls_total" + labels) == 7);
  CHECK(entries == "2");
  CHECK(values.at("pgtend_statements_rows_total" + labels) == 7);
  CHECK(values.at("pgtend_statements_exec_seconds_total" + labels) > 0);
  CHECK(values.at("pgtend_statements_exec_seconds_stddev" + labels) >= 0);
  CHECK(values.at("pg_stat_statements_calls_total{datname=\"shop\",queryid=\"" + id + "\",user=\"postgres\"}") == 7);
}

TEST_CASE("a statistics reset begins a new epoch for the counters it empties") {
  PgCluster cluster;
  make_shop(cluster);
  CollectorSession monitor(cluster);
  const auto epoch = [&](const std::string& collector) {
    return monitor.collect(shipped(collector)).run.samples.at(0).epoch;
  };
  const auto database = epoch("tables"), statements = epoch("statements"), wal = epoch("wal");
  CHECK(epoch("tables") == database);
  cluster.exec("shop", "SELECT pg_stat_reset()");
  CHECK(epoch("tables") != database);
  CHECK(epoch("statements") == statements);
  cluster.exec("shop", "SELECT extras.pg_stat_statements_reset()");
  CHECK(epoch("statements") != statements);
  CHECK(epoch("wal") == wal);
  cluster.exec("shop", "SELECT pg_stat_reset_shared('wal')");
  CHECK(epoch("wal") != wal);
}

TEST_CASE("a crash of one backend, which empties all statistics, begins a new epoch") {
  PgCluster cluster;
  make_shop(cluster);
  const auto epoch = [&] { return CollectorSession(cluster).collect(shipped("tables")).run.samples.at(0).epoch; };
  const auto before = epoch();
  const auto started = cluster.exec("shop", "SELECT pg_postmaster_start_time()");
  auto victim = cluster.session("shop");
  const int pid = victim.backend_pid();
  run_command({"kill", "-9", std::to_string(pid)});
  REQUIRE(eventually([&] {
    try {
      return cluster.exec("shop", "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = " + std::to_string(pid) +
                                      ") AND NOT pg_is_in_recovery()") == "t";
    } catch (const std::exception&) {
      return false;
    }
  }));
  CHECK(cluster.exec("shop", "SELECT pg_postmaster_start_time()") == started);
  CHECK(epoch() != before);
}

TEST_CASE("both ends of a replication link report it") {
  PgCluster cluster;
  make_shop(cluster);
  const auto standby = cluster.make_standby();
  REQUIRE(eventually([&] {
    return cluster.exec("postgres", "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == "1";
  }));
  CollectorSession primary(cluster), follower(*standby);
  CHECK(follower.shape.identity.role == ServerRole::standby);
  bool saw = false;
  for (const auto& [key, value] : primary.values("replication")) {
    if (!key.starts_with("pgtend_replication_replay_gap_bytes{")) continue;
    saw = true;
    CHECK(value >= 0);
    CHECK(key.find("state=\"streaming\"") != std::string::npos);
  }
  CHECK(saw);
  CHECK(follower.values("recovery").at("pg_replication_is_replica") == 1);
  CHECK(follower.values("recovery").at("pgtend_recovery_paused") == 0);
  bool received = false;
  for (const auto& [key, value] : follower.values("wal_receiver"))
    received = received || (key.starts_with("pg_stat_wal_receiver_flushed_lsn{") && value > 0);
  CHECK(received);
  CHECK(follower.values("wal_position").at("pgtend_wal_position_bytes") > 0);
  for (const auto& def : shipped_collectors()) {
    INFO(def.name);
    CHECK(follower.collect(def).sqlstate.empty());
  }
}

TEST_CASE("a standby knows its true lag by the heartbeats of its primary, idle or frozen") {
  PgCluster cluster;
  make_shop(cluster);
  const auto standby = cluster.make_standby();
  CollectorSession primary(cluster), follower(*standby);
  const auto lag = [&] {
    return follower.values("replication_heartbeat_lag").at("pgtend_replication_heartbeat_lag_seconds");
  };
  const auto beat = [&] { return primary.values("replication_heartbeat").size() == 1; };
  REQUIRE(eventually([&] { return standby->exec("postgres", "SELECT count(*) FROM pg_stat_wal_receiver") == "1"; }));
  // Nobody writes: only the heartbeats keep the age of what was replayed below a second.
  REQUIRE(beat());
  CHECK(eventually([&] { return lag() < 1; }));
  CHECK(eventually([&] { return lag() > 1.5; }));
  REQUIRE(beat());
  CHECK(eventually([&] { return lag() < 1; }));
  // Replay stands still while the primary goes on.
  standby->exec("postgres", "SELECT pg_wal_replay_pause()");
  REQUIRE(eventually([&] { return standby->exec("postgres", "SELECT pg_get_wal_replay_pause_state()") == "paused"; }));
  CHECK(eventually([&] { return beat() && lag() > 1.5; }));
  standby->exec("postgres", "SELECT pg_wal_replay_resume()");
  CHECK(eventually([&] { return beat() && lag() < 1; }));
  CHECK(follower.collect(shipped("replication_heartbeat")).unsupported.ends_with("only on a primary"));
}
