// The names of all metrics of each version, on a primary and on its standby, as lists in tests/golden.
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "agent/base/strings.hpp"
#include "tests/pg/collectors/held_work.hpp"
#include "tests/pg/collectors/scene.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/pg_programs.hpp"
#include "tests/support/source_dir.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

// Present or not as the moment has it: lag is NULL when idle, the rest needs events the scene does not wait for.
bool comes_and_goes(const std::string& name) {
  return (name.starts_with("pgtend_replication_") && name.ends_with("_lag_seconds")) ||
         name.find("last_auto") != std::string::npos || name == "pgtend_archiver_last_failed_time_seconds" ||
         name == "pgtend_database_last_checksum_failure_time_seconds";
}

// Settings come and go with preloaded libraries and minor versions: two stand for the 250.
bool is_other_setting(const std::string& name) {
  return name.starts_with("pg_settings_") && name != "pg_settings_max_connections" &&
         name != "pg_settings_shared_buffers_bytes";
}

bool holds(const PgCluster& cluster, const std::string& condition) {
  return eventually([&] { return cluster.exec("shop", "SELECT " + condition) == "t"; });
}

PgClusterOptions options_of(int major) {
  PgClusterOptions out{.major = major};
  out.settings = {{"wal_level", "logical"},          {"archive_mode", "on"}, {"archive_command", "true"},
                  {"max_slot_wal_keep_size", "1GB"}, {"autovacuum", "off"},  {"max_wal_senders", "8"},
                  {"track_commit_timestamp", "on"}};
  return out;
}

// Something of everything, so that every metric has a value while this lives: slots, a subscription, a queue at a lock,
// a vacuum and a build of an index that do not end by themselves.
class BusyShop {
 public:
  explicit BusyShop(PgCluster& cluster) : cluster_(opened(cluster)) {
    standby_ = cluster.make_standby();
    for (const auto* sql :
         {"SELECT pg_stat_reset()", "VACUUM ANALYZE orders",
          "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'orders_customer_again'::regclass",
          "SELECT pg_create_physical_replication_slot('spare', true)",
          "SELECT pg_create_logical_replication_slot('changes', 'test_decoding')", "SELECT pg_switch_wal()",
          "CREATE TABLE news(id int); CREATE PUBLICATION news FOR TABLE news",
          "SELECT pg_create_logical_replication_slot('news', 'pgoutput')", "CREATE TABLE vast AS TABLE orders",
          "CREATE SEQUENCE numbers; GRANT SELECT ON numbers TO monitor", "SELECT nextval('numbers')",
          "CREATE EXTENSION pgstattuple VERSION '1.4'", "CREATE ROLE leaver LOGIN VALID UNTIL '2100-01-01'",
          "CREATE TABLE events(at timestamptz) PARTITION BY RANGE (at)",
          "CREATE TABLE events_rest PARTITION OF events DEFAULT",
          "CREATE TABLE events_now PARTITION OF events FOR VALUES FROM ('2000-01-01') TO ('2100-01-01')"})
      cluster.exec("shop", sql);
    cluster.exec("shop", "CREATE SUBSCRIPTION news CONNECTION '" + cluster.conninfo("shop") +
                             "' PUBLICATION news WITH (create_slot = false, copy_data = false)");
    cluster.exec("shop", "INSERT INTO news VALUES (1)");
    // One scan of each kind: whether count(*) takes an index depends on whether the VACUUM is replayed.
    standby_->exec("shop", "SELECT count(note) FROM orders");
    standby_->exec("shop", "SELECT note FROM orders WHERE id = 1");
    make_tools(cluster);
    let_read_tools(cluster);
    cluster.exec("shop",
                 "GRANT SELECT ON pg_file_settings, pg_hba_file_rules TO monitor; GRANT EXECUTE ON FUNCTION "
                 "pg_show_all_file_settings(), pg_hba_file_rules() TO monitor");
    REQUIRE(holds(cluster, "count(*) = 2 FROM pg_stat_replication WHERE state = 'streaming'"));
    REQUIRE(holds(cluster, "count(*) = 1 FROM pg_stat_subscription WHERE latest_end_time IS NOT NULL"));
    REQUIRE(holds(*standby_, "count(*) = 1 FROM pg_stat_wal_receiver WHERE latest_end_time IS NOT NULL"));
    REQUIRE(holds(*standby_, "pg_last_xact_replay_timestamp() IS NOT NULL"));
    REQUIRE(holds(cluster, "archived_count > 0 FROM pg_stat_archiver"));
    // Before 15 a process of its own writes them, half a second later.
    REQUIRE(holds(cluster, "count(last_vacuum) > 0 AND count(last_analyze) > 0 FROM pg_stat_user_tables"));
    vacuum_.exec("SET vacuum_cost_delay = '100ms'");
    vacuum_.exec("SET vacuum_cost_limit = 1");
    vacuum_.send("VACUUM vast");
    writer_.exec("BEGIN; INSERT INTO news VALUES (2)");
    builder_.send("CREATE INDEX CONCURRENTLY news_id ON news(id)");
    blocker_.exec("BEGIN; LOCK TABLE customers");
    victim_.send("SELECT count(*) FROM customers");
    held_ = std::make_unique<HeldWork>(cluster);
    // Bloat is estimated from a megabyte on, and where the columns may be read.
    cluster.exec("shop", "GRANT SELECT ON wide TO monitor");
    REQUIRE(holds(*standby_, "has_table_privilege('monitor', to_regclass('wide'), 'SELECT')"));
    REQUIRE(holds(cluster, "count(*) = 1 FROM pg_stat_progress_vacuum"));
    REQUIRE(holds(cluster, "count(*) = 1 FROM pg_stat_progress_create_index"));
    REQUIRE(holds(cluster, "count(*) > 0 FROM pg_locks WHERE NOT granted AND relation = 'customers'::regclass"));
  }
  ~BusyShop() {
    for (const auto* session : {&vacuum_, &builder_, &victim_})
      cluster_.exec("postgres", "SELECT pg_terminate_backend(" + std::to_string(session->backend_pid()) + ")");
  }

  [[nodiscard]] const PgCluster& standby() const { return *standby_; }

 private:
  static PgCluster& opened(PgCluster& cluster) {
    make_shop(cluster);
    return cluster;
  }

  PgCluster& cluster_;
  std::unique_ptr<PgCluster> standby_;
  PgSession vacuum_ = cluster_.session("shop"), writer_ = cluster_.session("shop"), builder_ = cluster_.session("shop"),
            blocker_ = cluster_.session("shop"), victim_ = cluster_.session("shop");
  std::unique_ptr<HeldWork> held_;
};

std::set<std::string> names_on(const PgCluster& server) {
  CollectorSession monitor(server);
  std::set<std::string> out;
  const auto take = [&](const CollectorSession::Outcome& outcome) {
    for (const auto& sample : outcome.run.samples) out.insert(sample.key->name);
  };
  for (const auto& def : shipped_collectors()) take(monitor.collect(def));
  for (const auto& code : collectors::code_collectors()) take(monitor.collect(code));
  return out;
}

void check_list(const std::string& list, const std::set<std::string>& names) {
  std::string text;
  for (const auto& name : names)
    if (!is_other_setting(name) && !comes_and_goes(name)) text += name + "\n";
  const std::string path = std::string(source_dir()) + "/tests/golden/metrics_" + list + ".txt";
  // PGTEND_UPDATE_GOLDEN=1 accepts a wanted change; the difference is then reviewed as a diff.
  if (std::getenv("PGTEND_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::stringstream golden;
  golden << std::ifstream(path).rdbuf();
  INFO(path);
  CHECK(split(text, '\n') == split(golden.str(), '\n'));
}

// What differs between versions, by the view and its columns, and the metrics of a primary that follow from it.
struct Difference {
  const char* what;
  int first, last;
  std::vector<std::string> metrics;
};

const std::vector<Difference>& differences() {
  static const std::vector<Difference> all{
      {"pg_stat_bgwriter lost 7 columns in 17; the names stay",
       13,
       18,
       {"pg_stat_bgwriter_checkpoints_timed_total", "pg_stat_bgwriter_checkpoints_req_total",
        "pg_stat_bgwriter_checkpoint_write_time_total", "pg_stat_bgwriter_checkpoint_sync_time_total",
        "pg_stat_bgwriter_buffers_checkpoint_total", "pg_stat_bgwriter_buffers_backend_total",
        "pg_stat_bgwriter_buffers_backend_fsync_total", "pg_stat_bgwriter_buffers_clean_total",
        "pg_stat_bgwriter_maxwritten_clean_total", "pg_stat_bgwriter_buffers_alloc_total",
        "pg_stat_bgwriter_stats_reset_total"}},
      {"pg_stat_checkpointer since 17",
       17,
       18,
       {"pg_stat_checkpointer_num_timed_total", "pg_stat_checkpointer_restartpoints_done_total",
        "pg_stat_checkpointer_buffers_written_total"}},
      {"pg_stat_checkpointer.num_done, slru_written since 18",
       18,
       18,
       {"pgtend_checkpointer_done_total", "pgtend_checkpointer_slru_written_total"}},
      {"pg_stat_io since 16; op_bytes became bytes in 18",
       16,
       18,
       {"pgtend_io_reads_total", "pgtend_io_read_bytes_total", "pgtend_io_extend_bytes_total"}},
      {"pg_buffercache_summary() since 16", 16, 18, {"pgtend_buffercache_used", "pg_buffercache_summary_buffers_used"}},
      {"pg_stat_statements.jit_*_time since 15", 15, 18, {"pgtend_statements_jit_seconds_total"}},
      {"pg_stat_wal since 14", 14, 18, {"pgtend_wal_records_total", "pgtend_wal_buffers_full_total"}},
      {"pg_stat_wal lost wal_write, wal_sync and their times in 18; pg_stat_io has them",
       14,
       18,
       {"pgtend_wal_writes_total", "pgtend_wal_syncs_total", "pgtend_wal_write_seconds_total",
        "pgtend_wal_sync_seconds_total"}},
      {"pg_stat_database.session_time, active_time, sessions since 14",
       14,
       18,
       {"pgtend_database_session_seconds_total", "pgtend_database_active_seconds_total",
        "pgtend_database_idle_in_transaction_seconds_total", "pgtend_database_sessions_killed_total"}},
      {"pg_stat_database.parallel_workers_* since 18",
       18,
       18,
       {"pgtend_database_parallel_workers_planned_total", "pgtend_database_parallel_workers_launched_total"}},
      {"pg_stat_database_conflicts.confl_active_logicalslot since 16",
       16,
       18,
       {"pgtend_conflicts_logical_slot_total", "pg_stat_database_conflicts_confl_active_logicalslot"}},
      {"pg_stat_all_tables.n_ins_since_vacuum since 13", 13, 18, {"pgtend_table_inserted_since_vacuum_rows"}},
      {"pg_stat_all_tables.last_seq_scan, last_idx_scan, n_tup_newpage_upd since 16",
       16,
       18,
       {"pgtend_table_last_seq_scan_time_seconds", "pgtend_table_rows_newpage_updated_total"}},
      {"pg_stat_all_tables.total_*_time since 18",
       18,
       18,
       {"pgtend_table_vacuum_seconds_total", "pgtend_table_autoanalyze_seconds_total"}},
      {"pg_replication_slots.two_phase since 14", 14, 18, {"pgtend_slot_two_phase"}},
      {"pg_replication_slots.conflicting since 16", 16, 18, {"pgtend_slot_conflicting"}},
      {"pg_replication_slots.inactive_since, failover, synced since 17",
       17,
       18,
       {"pgtend_slot_inactive_since_seconds", "pgtend_slot_failover", "pgtend_slot_synced"}},
      {"pg_stat_replication_slots since 14", 14, 18, {"pgtend_slot_decoded_bytes_total"}},
      {"pg_stat_subscription.leader_pid since 16 leaves one row per subscription",
       13,
       18,
       {"pgtend_subscription_workers", "pgtend_subscription_received_position_bytes"}},
      {"pg_stat_subscription_stats since 15", 15, 18, {"pgtend_subscription_apply_errors_total"}},
      {"pg_stat_subscription_stats.confl_* since 18",
       18,
       18,
       {"pgtend_subscription_conflicts_insert_exists_total", "pgtend_subscription_conflicts_multiple_unique_total"}},
      {"pg_stat_progress_vacuum renamed num_dead_tuples in 17",
       13,
       18,
       {"pgtend_vacuum_dead_items", "pgtend_vacuum_dead_items_bytes", "pgtend_vacuum_dead_items_max_bytes",
        "pg_stat_progress_vacuum_num_dead_tuples"}},
      {"pg_stat_progress_vacuum.max_dead_tuples until 16", 13, 16, {"pg_stat_progress_vacuum_max_dead_tuples"}},
      {"pg_stat_progress_vacuum.delay_time since 18", 18, 18, {"pgtend_vacuum_delay_seconds"}},
      {"pg_stat_progress_analyze, cluster and basebackup since 13",
       13,
       18,
       {"pgtend_analyze_running", "pgtend_cluster_running", "pgtend_basebackup_sent_bytes"}},
      {"pg_stat_progress_copy since 14", 14, 18, {"pgtend_copy_running", "pgtend_copy_rows"}},
      {"pg_stat_progress_analyze.delay_time since 18", 18, 18, {"pgtend_analyze_delay_seconds"}},
      {"pg_inherits.inhdetachpending since 14; 13 has none", 13, 18, {"pgtend_partitioned_table_detach_pending"}},
      {"pg_stat_statements(false) in 13 to 18: blk_read_time became shared_blk_read_time in 17",
       13,
       18,
       {"pgtend_statements_calls_total", "pgtend_statements_block_read_seconds_total"}},
      {"pg_stat_activity.query_id since 14", 14, 18, {"pgtend_statements_running"}},
      {"pg_stat_statements_info since 14", 14, 18, {"pgtend_statements_evictions_total"}},
      {"pg_stat_slru since 13", 13, 18, {"pgtend_slru_blocks_hit_total"}},
      {"pg_locks.waitstart since 14; 13 has the statement's start", 13, 18, {"pgtend_lock_wait_age_seconds"}},
  };
  return all;
}

void check_differences(int major, const std::set<std::string>& names) {
  for (const auto& difference : differences())
    for (const auto& metric : difference.metrics) {
      CAPTURE(major, difference.what, metric);
      CHECK(names.contains(metric) == (major >= difference.first && major <= difference.last));
    }
}

// What is counted only once it has lasted: the scene's statements have not yet.
void wait_for_long_statements(const PgCluster& server) {
  CollectorSession monitor(server);
  if (monitor.shape.identity.version_num < 140'000) return;
  REQUIRE(eventually([&] { return !monitor.values("statements_running").empty(); }));
}

// 17 renamed the caches of pg_stat_slru; the label has one name for each on every version.
void check_slru_names(const PgCluster& server) {
  CollectorSession monitor(server);
  CHECK(monitor.values("slru").contains(R"(pgtend_slru_blocks_hit_total{slru="multixact_offset"})"));
  CHECK(monitor.values("slru").contains(R"(pgtend_slru_blocks_hit_total{slru="transaction"})"));
}

}  // namespace

TEST_CASE("the metric names of each version are those on its lists, on a primary and on its standby") {
  const int major = GENERATE(from_range(all_majors()));
  PgCluster cluster(options_of(major));
  const BusyShop busy(cluster);
  wait_for_long_statements(cluster);
  const std::string list = "pg" + std::to_string(major);
  const auto names = names_on(cluster);
  check_list(list, names);
  check_differences(major, names);
  check_slru_names(cluster);
  check_list(list + "_standby", names_on(busy.standby()));
}
