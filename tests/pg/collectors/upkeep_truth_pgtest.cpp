// Bloat, partitions, sequences and other tools' state against tables that were made so.
#include "tests/pg/collectors/scene.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/pg_programs.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

std::string of(const std::string& metric, const std::string& relation) {
  return metric + "{datname=\"shop\",relname=\"" + relation + "\",schemaname=\"public\"}";
}

}  // namespace

TEST_CASE("bloat is estimated near what pgstattuple measures, without a lock") {
  PgCluster cluster({.major = GENERATE(from_range(sample_majors()))});
  make_shop(cluster);
  // Apart: a VACUUM must not be in a transaction with others.
  for (const auto* sql :
       {"CREATE EXTENSION pgstattuple",
        "CREATE TABLE holey AS SELECT g AS id, 'note ' || g || repeat('y', g % 50) AS note, nullif(g % 10, 0) AS n "
        "FROM generate_series(1, 50000) g",
        "CREATE INDEX holey_note ON holey(note)", "CREATE TABLE tight AS TABLE holey",
        "DELETE FROM holey WHERE id % 4 > 0", "VACUUM ANALYZE holey, tight"})
    cluster.exec("shop", sql);
  CollectorSession monitor(cluster);
  CHECK(monitor.values("bloat").empty());  // pg_stats hides the columns that may not be read
  cluster.exec("shop", "GRANT SELECT ON holey, tight TO monitor");
  auto holder = cluster.session("shop");
  holder.exec("BEGIN; LOCK TABLE holey IN ACCESS EXCLUSIVE MODE");
  const auto tables = monitor.values("bloat");
  const auto indexes = monitor.values("bloat_indexes");
  holder.exec("ROLLBACK");
  const double free = std::stod(cluster.exec("shop", "SELECT free_space + dead_tuple_len FROM pgstattuple('holey')"));
  CHECK(tables.at(of("pgtend_table_bloat_estimate_bytes", "holey")) == Approx(free).epsilon(0.15));
  CHECK(tables.at(of("pgtend_table_bloat_estimate_ratio", "holey")) == Approx(0.75).margin(0.05));
  CHECK(tables.at(of("pgtend_table_bloat_estimate_ratio", "tight")) < 0.1);
  const std::string index = R"({datname="shop",indexrelname="holey_note",relname="holey",schemaname="public"})";
  const double density = std::stod(cluster.exec("shop", "SELECT avg_leaf_density FROM pgstatindex('holey_note')"));
  CHECK(indexes.at("pgtend_index_bloat_estimate_ratio" + index) == Approx(1 - density / 90).margin(0.1));
}

TEST_CASE("a partitioned table tells how far its ranges reach and what fell into the default partition") {
  PgCluster cluster({.major = GENERATE(from_range(sample_majors()))});
  make_shop(cluster);
  cluster.exec("shop", R"(
    CREATE TABLE events(at timestamptz NOT NULL, n int) PARTITION BY RANGE (at);
    CREATE TABLE events_old PARTITION OF events FOR VALUES FROM (MINVALUE) TO ('2020-01-01');
    CREATE TABLE events_now PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2090-01-01') PARTITION BY HASH (n);
    CREATE TABLE events_now_0 PARTITION OF events_now FOR VALUES WITH (MODULUS 1, REMAINDER 0);
    CREATE TABLE events_next PARTITION OF events FOR VALUES FROM ('2090-01-01') TO ('2091-01-01');
    CREATE TABLE events_rest PARTITION OF events DEFAULT;
    CREATE INDEX events_n ON ONLY events(n);
    CREATE TABLE days(day date) PARTITION BY RANGE (day);
    CREATE TABLE days_all PARTITION OF days FOR VALUES FROM ('2020-01-01') TO (MAXVALUE);
    CREATE TABLE kinds(kind int) PARTITION BY LIST (kind);
    CREATE TABLE kinds_1 PARTITION OF kinds FOR VALUES IN (1);
    INSERT INTO events SELECT '2095-01-01', g FROM generate_series(1, 100) g;
    INSERT INTO events SELECT '2021-01-01', g FROM generate_series(1, 50) g;)");
  const auto counted = [&] {
    return cluster.exec("shop", "SELECT sum(n_live_tup) FROM pg_stat_user_tables WHERE relname LIKE 'events%'") ==
           "150";
  };
  REQUIRE(eventually(counted));
  CollectorSession monitor(cluster);
  auto holder = cluster.session("shop");
  holder.exec("BEGIN; LOCK TABLE events, days IN ACCESS EXCLUSIVE MODE");
  const auto values = monitor.values("partitions");
  const auto value = [&](const std::string& name, const std::string& table) {
    return values.at(of("pgtend_partitioned_table_" + name, table));
  };
  CHECK(value("partitions", "events") == 3);
  CHECK(value("partitions_ahead", "events") == 1);
  CHECK(value("covered_until_seconds", "events") ==
        std::stod(cluster.exec("shop", "SELECT extract(epoch FROM timestamptz '2091-01-01')")));
  CHECK(value("default_rows", "events") == 100);
  CHECK(value("live_rows", "events") == 150);
  CHECK(value("incomplete_indexes", "events") == 1);
  CHECK(value("covered_until_seconds", "days") > 1e300);
  CHECK(value("incomplete_indexes", "days") == 0);
  CHECK_FALSE(values.contains(of("pgtend_partitioned_table_covered_until_seconds", "kinds")));
  CHECK_FALSE(values.contains(of("pgtend_partitioned_table_default_rows", "kinds")));
}

TEST_CASE("partitions are one series with their root, at any depth, and another one begins a new epoch") {
  PgCluster cluster({.major = GENERATE(from_range(sample_majors()))});
  make_shop(cluster);
  cluster.exec("shop", R"(
    CREATE SCHEMA parts;
    CREATE TABLE events(at int, n int) PARTITION BY RANGE (at);
    CREATE TABLE parts.events_1 PARTITION OF events FOR VALUES FROM (0) TO (10) PARTITION BY HASH (n);
    CREATE TABLE parts.events_1_0 PARTITION OF parts.events_1 FOR VALUES WITH (MODULUS 1, REMAINDER 0);
    CREATE TABLE parts.events_2 PARTITION OF events FOR VALUES FROM (10) TO (20);
    CREATE INDEX events_n ON events(n);
    INSERT INTO events SELECT g % 20, g FROM generate_series(1, 3000) g;
    ALTER TABLE parts.events_2 SET (autovacuum_enabled = off, autovacuum_vacuum_insert_threshold = 100,
      autovacuum_vacuum_insert_scale_factor = 0))");
  REQUIRE(eventually([&] {
    return cluster.exec("shop", "SELECT sum(n_tup_ins) FROM pg_stat_user_tables WHERE relname LIKE 'events%'") ==
           "3000";
  }));
  CollectorSession monitor(cluster);
  const auto tables = monitor.values("tables");
  CHECK(tables.at(of("pgtend_table_rows_inserted_total", "events")) == 3000);
  CHECK(tables.at(of("pgtend_table_live_rows", "events")) == 3000);
  CHECK(tables.at(of("pgtend_table_autovacuum_off", "events")) == 1);
  CHECK(tables.at(of("pgtend_table_autovacuum_insert_threshold_ratio", "events")) == 15);
  const auto sizes = monitor.values("sizes");
  const auto whole = cluster.exec("shop", "SELECT pg_table_size('parts.events_1_0') + pg_table_size('parts.events_2')");
  CHECK(sizes.at(of("pgtend_table_size_bytes", "events")) == std::stod(whole));
  const std::string index = R"({datname="shop",indexrelname="events_n",relname="events",schemaname="public"})";
  const auto indexes = monitor.values("indexes");
  const auto io = monitor.values("index_io");
  CHECK(indexes.contains("pgtend_index_scans_total" + index));
  CHECK(io.at("pgtend_index_blocks_hit_total" + index) > 0);
  CHECK(monitor.values("table_io").at(of("pgtend_table_heap_blocks_hit_total", "events")) > 0);
  for (const auto* values : {&tables, &sizes, &indexes, &io})
    for (const auto& [series, value] : *values) CHECK(series.find("events_1") == std::string::npos);

  const auto epoch = [&](const std::string& table) {
    const auto outcome = monitor.collect(shipped("tables"));
    for (const auto& sample : outcome.run.samples)
      if (to_string(sample.key) == of("pgtend_table_rows_inserted_total", table)) return sample.epoch;
    return std::uint64_t{0};
  };
  const auto before = epoch("events"), orders = epoch("orders");
  CHECK(epoch("events") == before);
  cluster.exec("shop", "CREATE TABLE parts.events_3 PARTITION OF events FOR VALUES FROM (20) TO (30)");
  CHECK(epoch("events") != before);
  CHECK(epoch("orders") == orders);
  auto holder = cluster.session("shop");
  holder.exec("BEGIN; LOCK TABLE parts.events_2 IN ACCESS EXCLUSIVE MODE");
  const auto less = monitor.values("sizes");
  CHECK_FALSE(less.contains(of("pgtend_table_size_bytes", "events")));
  CHECK(less.contains(of("pgtend_table_size_bytes", "orders")));
}

TEST_CASE("a sequence ends where its column does") {
  PgCluster cluster;
  make_shop(cluster);
  cluster.exec("shop", R"(
    CREATE TABLE tickets(id int, big bigint);
    CREATE SEQUENCE narrow OWNED BY tickets.id; CREATE SEQUENCE broad OWNED BY tickets.big;
    SELECT setval('narrow', 2040109466), setval('broad', 2040109466);
    GRANT SELECT ON narrow, broad TO monitor)");
  CollectorSession monitor(cluster);
  const auto values = monitor.values("sequences");
  CHECK(values.at(R"(pgtend_sequence_used_ratio{datname="shop",schemaname="public",sequencename="narrow"})") ==
        Approx(0.95));
  CHECK(values.at(R"(pgtend_sequence_used_ratio{datname="shop",schemaname="public",sequencename="broad"})") < 1e-6);
}

TEST_CASE("other tools are watched where their tables are and may be read, and passed over in silence elsewhere") {
  PgCluster cluster;
  make_shop(cluster);
  const std::vector<std::string> tools{"golang_migrate", "flyway", "liquibase", "sqitch", "partman", "cron"};
  const auto refused = [&](const std::string& words) {
    CollectorSession monitor(cluster);
    for (const auto& name : tools) {
      const auto outcome = monitor.collect(shipped(name));
      CAPTURE(name, outcome.sqlstate, outcome.unsupported);
      CHECK(outcome.unsupported.find(words) != std::string::npos);
    }
  };
  refused("does not exist");
  make_tools(cluster);
  refused("may not be read");
  let_read_tools(cluster);
  CollectorSession monitor(cluster);
  const auto value = [&](const std::string& collector, const std::string& metric, const std::string& labels = "") {
    return monitor.values(collector).at(metric + "{datname=\"shop\"" + labels + "}");
  };
  CHECK(value("golang_migrate", "pgtend_golang_migrate_dirty") == 1);
  CHECK(value("flyway", "pgtend_flyway_failed") == 1);
  CHECK(value("flyway", "pgtend_flyway_migrations") == 2);
  CHECK(value("flyway", "pgtend_flyway_last_run_time_seconds") > 1.7e9);
  CHECK(value("liquibase", "pgtend_liquibase_locked") == 1);
  CHECK(value("liquibase", "pgtend_liquibase_lock_age_seconds") == Approx(3600).margin(60));
  CHECK(value("sqitch", "pgtend_sqitch_last_event_failed", R"(,project="shop")") == 1);
  CHECK(value("sqitch", "pgtend_sqitch_last_event_failed", R"(,project="blog")") == 0);
  CHECK(value("sqitch", "pgtend_sqitch_failures", R"(,project="shop")") == 2);
  const std::string orders = R"(,parent_table="public.orders")", news = R"(,parent_table="public.news")";
  CHECK(value("partman", "pgtend_partman_premake", orders) == 4);
  CHECK(value("partman", "pgtend_partman_last_run_time_seconds", orders) > 1.7e9);
  CHECK_FALSE(monitor.values("partman").contains("pgtend_partman_last_run_time_seconds{datname=\"shop\"" + news + "}"));
  // Of runs each ten minutes, every second one failed.
  CHECK(value("cron", "pgtend_cron_failed_runs") == 2);
  CHECK(monitor.values("cron").size() == 3);
}

TEST_CASE("a table named as golang-migrate's of another tool is left alone") {
  PgCluster cluster;
  make_shop(cluster);
  cluster.exec(
      "shop",
      "CREATE TABLE schema_migrations(version varchar PRIMARY KEY); GRANT SELECT ON schema_migrations TO monitor");
  CHECK(CollectorSession(cluster).collect(shipped("golang_migrate")).unsupported.find("none of its columns") !=
        std::string::npos);
}
