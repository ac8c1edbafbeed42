// What the server is at: long commands, autovacuum, temporary files, and what stands in its files.
#include <fstream>

#include "tests/pg/collectors/held_work.hpp"
#include "tests/pg/collectors/scene.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/pg_programs.hpp"

using namespace pgtend;
using namespace pgtend::test;

TEST_CASE("long commands tell how far they are") {
  PgCluster cluster({.major = GENERATE(from_range(sample_majors()))});
  make_shop(cluster);
  const HeldWork held(cluster);
  CollectorSession monitor(cluster);
  const auto analyze = monitor.values("progress_analyze");
  const std::string sampling = R"({datname="shop",phase="acquiring sample rows",relname="wide"})";
  CHECK(analyze.at("pgtend_analyze_running" + sampling) == 1);
  CHECK(analyze.at("pgtend_analyze_sample_blocks" + sampling) ==
        std::stod(cluster.exec("shop", "SELECT relpages FROM pg_class WHERE relname = 'wide'")));
  const std::string full = R"({command="VACUUM FULL",datname="shop",phase="rebuilding index",relname="thin"})";
  CHECK(monitor.values("progress_cluster").at("pgtend_cluster_rows_written" + full) == 1);
  const std::string streaming = R"({phase="streaming database files"})";
  const auto backup = monitor.values("progress_basebackup");
  CHECK(backup.at("pgtend_basebackup_running" + streaming) == 1);
  CHECK(backup.at("pgtend_basebackup_size_bytes" + streaming) > 1e7);
  CHECK(backup.at("pgtend_basebackup_sent_bytes" + streaming) > 0);
  if (monitor.shape.identity.version_num < 140'000) return;
  const std::string copy = R"({command="COPY TO",datname="shop"})";
  CHECK(monitor.values("progress_copy").at("pgtend_copy_rows" + copy) == 10);
}

TEST_CASE("autovacuum tells how many of its workers are at work, and for how long") {
  PgClusterOptions options;
  options.settings = {
      {"autovacuum_naptime", "1s"}, {"autovacuum_vacuum_cost_delay", "100ms"}, {"autovacuum_vacuum_cost_limit", "1"}};
  PgCluster cluster(options);
  make_shop(cluster);
  CollectorSession monitor(cluster);
  CHECK(monitor.values("autovacuum").at("pgtend_autovacuum_workers_max") == 3);
  cluster.exec("shop", "CREATE TABLE busy AS TABLE orders; DELETE FROM busy");
  CHECK(eventually([&] {
    const auto now = monitor.values("autovacuum");
    return now.at("pgtend_autovacuum_workers") >= 1 && now.at("pgtend_autovacuum_worker_age_seconds") > 0;
  }));
  CHECK(monitor.values("autovacuum").at("pgtend_autovacuum_wraparound_workers") == 0);
}

TEST_CASE("temporary files are seen while they are open") {
  PgCluster cluster;
  make_shop(cluster);
  CollectorSession monitor(cluster);
  const std::string key = R"(pgtend_temp_files_bytes{spcname="pg_default"})";
  CHECK(monitor.values("temp_files").at(key) == 0);
  auto sorter = cluster.session("shop");
  sorter.exec("SET work_mem = '64kB'; BEGIN; DECLARE c CURSOR FOR SELECT * FROM orders ORDER BY note, id DESC");
  sorter.exec("FETCH 1 FROM c");
  CHECK(monitor.values("temp_files").at(key) > 100'000);
  CHECK(monitor.values("temp_files").at(R"(pgtend_temp_files{spcname="pg_default"})") >= 1);
  sorter.exec("ROLLBACK");
  CHECK(monitor.values("temp_files").at(key) == 0);
}

TEST_CASE("the distance to the last checkpoint is what a crash would replay") {
  PgCluster cluster;
  make_shop(cluster);
  cluster.exec("shop", "CHECKPOINT");
  CollectorSession monitor(cluster);
  const auto near = monitor.values("control_checkpoint").at("pgtend_checkpoint_distance_bytes");
  cluster.exec("shop", "CREATE TABLE more AS TABLE orders");
  const auto values = monitor.values("control_checkpoint");
  CHECK(values.at("pgtend_checkpoint_distance_bytes") > near + 500'000);
  CHECK(values.at("pgtend_checkpoint_age_seconds") < 600);
  CHECK(values.at("pgtend_timeline") == 1);
}

TEST_CASE("connections without TLS, superusers and passwords that end are counted") {
  PgClusterOptions options;
  options.tls = true;
  PgCluster cluster(options);
  make_shop(cluster);
  cluster.exec("shop",
               "CREATE ROLE leaver LOGIN VALID UNTIL '2100-01-01'; CREATE ROLE left LOGIN VALID UNTIL '2000-01-01'");
  CollectorSession monitor(cluster);
  const auto before = monitor.values("security");
  const std::string tcp = "host=127.0.0.1 dbname=shop user=postgres port=" + std::to_string(cluster.port());
  const PgSession plain(tcp + " sslmode=disable"), secret(tcp + " sslmode=require");
  const auto after = monitor.values("security");
  CHECK(before.at("pgtend_connections_plain") == 0);
  CHECK(after.at("pgtend_connections_plain") == 1);
  CHECK(after.at("pgtend_connections_tls") == before.at("pgtend_connections_tls") + 1);
  CHECK(after.at("pgtend_superusers") == 1);
  CHECK(after.at("pgtend_role_password_expires_time_seconds") ==
        std::stod(cluster.exec("shop", "SELECT extract(epoch FROM timestamptz '2100-01-01')")));
}

TEST_CASE("an extension whose update was forgotten is named") {
  PgCluster cluster;
  make_shop(cluster);
  CollectorSession monitor(cluster);
  CHECK(monitor.values("extensions").empty());
  cluster.exec("shop", "CREATE EXTENSION pgstattuple VERSION '1.4'");
  CHECK(monitor.values("extensions") ==
        std::map<std::string, double>{{R"(pgtend_extension_outdated{datname="shop",extname="pgstattuple"})", 1}});
}

TEST_CASE("wrong lines of the configuration files are counted before a reload meets them") {
  PgCluster cluster;
  make_shop(cluster);
  const auto monitor = [&] { return CollectorSession(cluster).collect(shipped("config_files")); };
  CHECK(monitor().unsupported.find("may not be read") != std::string::npos);
  cluster.exec("shop", R"(GRANT SELECT ON pg_file_settings, pg_hba_file_rules TO monitor;
    GRANT EXECUTE ON FUNCTION pg_show_all_file_settings(), pg_hba_file_rules() TO monitor)");
  CHECK(CollectorSession(cluster).values("config_files").at("pgtend_hba_file_errors") == 0);
  std::ofstream(cluster.data_dir() / "pg_hba.conf", std::ios::app) << "nonsense\n";
  std::ofstream(cluster.data_dir() / "postgresql.conf", std::ios::app) << "work_mem = 'plenty'\n";
  const auto values = CollectorSession(cluster).values("config_files");
  CHECK(values.at("pgtend_hba_file_errors") == 1);
  CHECK(values.at("pgtend_settings_file_errors") == 1);
  double rules = 0;
  for (const auto& [key, count] : CollectorSession(cluster).values("hba_rules")) rules += count;
  CHECK(std::to_string(static_cast<int>(rules)) ==
        cluster.exec("shop", "SELECT count(*) FROM pg_hba_file_rules WHERE error IS NULL"));
}

TEST_CASE("a statement is counted while it runs, by the labels that it has when it has ended") {
  PgCluster cluster;
  make_shop(cluster);
  CollectorSession monitor(cluster);
  CHECK(monitor.values("statements_running").empty());
  auto slow = cluster.session("shop");
  slow.send("SELECT count(*) FROM pg_sleep(4)");
  std::map<std::string, double> running;
  REQUIRE(eventually([&] { return !(running = monitor.values("statements_running")).empty(); }));
  REQUIRE(running.size() == 2);
  const auto& name = running.begin()->first;
  const auto labels = name.substr(name.find('{'));
  CHECK(running.at("pgtend_statements_running" + labels) == 1);
  CHECK(running.at("pgtend_statements_running_seconds" + labels) >= 2);
  CHECK(running.at("pgtend_statements_running_seconds" + labels) < 20);
  slow.finish();
  CHECK(monitor.values("statements_running").empty());
  CHECK(monitor.values("statements").at("pgtend_statements_calls_total" + labels) == 1);
}
