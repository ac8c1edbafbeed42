#include "collectors/redis/metrics.hpp"

#include "collectors/redis/redis.hpp"

namespace pgtend::collectors {
namespace {

constexpr auto kGauge = MetricKind::gauge;
constexpr auto kCounter = MetricKind::counter;
// First versions of fields that 5.0 does not have.
constexpr int k70 = 70000;

constexpr RedisMetric kTable[] = {
    {"uptime_in_seconds", 0, "redis_uptime_in_seconds", kGauge, "seconds", 1, "Time since the start of Redis."},

    {"connected_clients", 0, "redis_connected_clients", kGauge, "", 1, "Clients connected, replicas not counted."},
    {"blocked_clients", 0, "redis_blocked_clients", kGauge, "", 1, "Clients in a command that waits, such as BLPOP."},
    {"maxclients", k70, "redis_max_clients", kGauge, "", 1, "Most clients at a time."},
    {"total_connections_received", 0, "redis_connections_received_total", kCounter, "", 1, "Connections accepted."},
    {"rejected_connections", 0, "redis_rejected_connections_total", kCounter, "", 1,
     "Connections refused because of maxclients."},

    {"used_memory", 0, "redis_memory_used_bytes", kGauge, "bytes", 1, "Memory that Redis allocated."},
    {"used_memory_rss", 0, "redis_memory_used_rss_bytes", kGauge, "bytes", 1, "Memory of the process."},
    {"used_memory_peak", 0, "redis_memory_used_peak_bytes", kGauge, "bytes", 1, "Most memory allocated so far."},
    {"used_memory_overhead", 0, "redis_memory_used_overhead_bytes", kGauge, "bytes", 1,
     "Memory for everything but the data."},
    {"used_memory_dataset", 0, "redis_memory_used_dataset_bytes", kGauge, "bytes", 1, "Memory of the data."},
    {"maxmemory", 0, "redis_memory_max_bytes", kGauge, "bytes", 1, "Setting maxmemory; 0: no limit."},
    {"mem_fragmentation_ratio", 0, "redis_mem_fragmentation_ratio", kGauge, "ratio", 1,
     "Memory of the process as a multiple of what is allocated."},
    {"lazyfree_pending_objects", 0, "redis_lazyfree_pending_objects", kGauge, "", 1,
     "Objects that wait to be freed in the background."},

    {"loading", 0, "redis_loading_dump_file", kGauge, "", 1, "1 while Redis loads its data."},
    {"rdb_changes_since_last_save", 0, "redis_rdb_changes_since_last_save", kGauge, "", 1,
     "Changes since the last dump."},
    {"rdb_bgsave_in_progress", 0, "redis_rdb_bgsave_in_progress", kGauge, "", 1, "1 while a dump is written."},
    {"rdb_last_save_time", 0, "redis_rdb_last_save_timestamp_seconds", kGauge, "seconds", 1,
     "When the last dump succeeded, Unix time."},
    {"rdb_last_bgsave_status", 0, "redis_rdb_last_bgsave_status", kGauge, "", 1, "1 when the last dump succeeded."},
    {"aof_enabled", 0, "redis_aof_enabled", kGauge, "", 1, "1 when the append-only file is written."},
    {"aof_last_write_status", 0, "redis_aof_last_write_status", kGauge, "", 1,
     "1 when the last write to the append-only file succeeded."},

    {"total_commands_processed", 0, "redis_commands_processed_total", kCounter, "", 1, "Commands run."},
    {"instantaneous_ops_per_sec", 0, "redis_instantaneous_ops_per_sec", kGauge, "", 1,
     "Commands per second as Redis itself averages them."},
    {"total_net_input_bytes", 0, "redis_net_input_bytes_total", kCounter, "bytes", 1, "Bytes received."},
    {"total_net_output_bytes", 0, "redis_net_output_bytes_total", kCounter, "bytes", 1, "Bytes sent."},
    {"expired_keys", 0, "redis_expired_keys_total", kCounter, "", 1, "Keys that went because their time was over."},
    {"evicted_keys", 0, "redis_evicted_keys_total", kCounter, "", 1, "Keys that went because memory was full."},
    {"keyspace_hits", 0, "redis_keyspace_hits_total", kCounter, "", 1, "Reads of keys that were there."},
    {"keyspace_misses", 0, "redis_keyspace_misses_total", kCounter, "", 1, "Reads of keys that were not there."},
    {"pubsub_channels", 0, "redis_pubsub_channels", kGauge, "", 1, "Channels with subscribers."},
    {"pubsub_patterns", 0, "redis_pubsub_patterns", kGauge, "", 1, "Patterns with subscribers."},
    {"latest_fork_usec", 0, "redis_latest_fork_usec", kGauge, "microseconds", 1, "Time that the last fork took."},

    {"connected_slaves", 0, "redis_connected_slaves", kGauge, "", 1, "Replicas connected."},
    {"master_repl_offset", 0, "redis_master_repl_offset", kGauge, "bytes", 1, "Position in the replication stream."},
    {"repl_backlog_active", 0, "redis_repl_backlog_is_active", kGauge, "", 1,
     "1 while changes are kept for replicas that come back."},
    {"repl_backlog_size", 0, "redis_replication_backlog_bytes", kGauge, "bytes", 1, "Size of what is kept for them."},
    {"sync_full", 0, "redis_replica_resyncs_full", kGauge, "", 1, "Replicas that had to copy everything."},
    {"sync_partial_ok", 0, "redis_replica_partial_resync_accepted", kGauge, "", 1,
     "Replicas that needed only what they missed."},
    {"sync_partial_err", 0, "redis_replica_partial_resync_denied", kGauge, "", 1,
     "Replicas that had missed more than was kept."},

    {"used_cpu_sys", 0, "redis_cpu_sys_seconds_total", kCounter, "seconds", 1, "System CPU time."},
    {"used_cpu_user", 0, "redis_cpu_user_seconds_total", kCounter, "seconds", 1, "User CPU time."},
};

}  // namespace

std::span<const RedisMetric> redis_metric_table() {
  return kTable;
}

std::vector<MetricDef> redis_metrics() {
  const auto gauge = [](const char* name, const char* unit, const char* source, const char* help) {
    return MetricDef{name, kGauge, unit, help, source, ""};
  };
  std::vector<MetricDef> out{
      gauge("redis_up", "", "connection", "1 while Redis answers."),
      gauge("redis_instance_info", "", "INFO", "Version, role, maxmemory_policy and more as labels; the value is 1."),
      gauge("redis_start_time_seconds", "seconds", "INFO", "Start of Redis, Unix time."),
      gauge("redis_db_keys", "", "INFO", "Keys of the database."),
      gauge("redis_db_keys_expiring", "", "INFO", "Keys of the database that have a time to live."),
      gauge("redis_db_avg_ttl_seconds", "seconds", "INFO", "Mean time that those have left."),
      gauge("redis_master_link_up", "", "INFO", "On a replica: 1 while it has its master."),
      gauge("redis_master_last_io_seconds_ago", "seconds", "INFO", "On a replica: time since its master was heard."),
      gauge("redis_master_sync_in_progress", "", "INFO", "On a replica: 1 while it copies everything."),
      gauge("redis_slave_repl_offset", "bytes", "INFO", "On a replica: its position in the replication stream."),
      gauge("redis_connected_slave_offset_bytes", "bytes", "INFO", "Position that a replica reported."),
      gauge("redis_connected_slave_lag_seconds", "seconds", "INFO", "Time since a replica reported."),
      gauge("redis_slowlog_length", "", "SLOWLOG LEN", "Entries in the log of slow commands."),
      gauge("redis_latency_spike_last", "seconds", "LATENCY LATEST", "When an event was slow last, Unix time."),
      gauge("redis_latency_spike_duration_seconds", "seconds", "LATENCY LATEST", "How long it took then."),
      gauge("pgtend_redis_hit_ratio", "ratio", "INFO", "Share of the reads since the last run that found their key."),
      gauge("pgtend_redis_round_trip_seconds", "seconds", "PING",
            "Time from a PING to its answer, as the agent sees it.")};
  for (const auto& m : kTable)
    out.push_back({std::string(m.metric), m.kind, std::string(m.unit), std::string(m.help), "INFO", ""});
  return out;
}

}  // namespace pgtend::collectors
