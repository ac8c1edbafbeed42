#include <array>

#include "collectors/logs/series.hpp"

namespace pgtend::logs {

namespace {

constexpr auto gauge = MetricKind::gauge, counter = MetricKind::counter;
constexpr std::string_view kTable = "datname, schemaname, relname";

constexpr std::array kMetrics{
    LogMetric{"pgtend_log_entries_total", counter, "", "severity",
              "Entries of the server's log, by severity; other: in another language."},
    LogMetric{"pgtend_log_errors_total", counter, "", "sqlstate_class",
              "Entries of severity ERROR, FATAL and PANIC, by class of SQLSTATE, where the log tells it."},
    LogMetric{"pgtend_log_deadlocks_total", counter, "", "", "Statements ended because of a deadlock."},
    LogMetric{"pgtend_log_temporary_files_total", counter, "", "",
              "Temporary files that were logged (log_temp_files)."},
    LogMetric{"pgtend_log_temporary_bytes_total", counter, "bytes", "", "Their size."},
    LogMetric{"pgtend_log_lock_waits_total", counter, "", "",
              "Waits for a lock that took longer than deadlock_timeout (log_lock_waits)."},
    LogMetric{"pgtend_log_lock_waits_ended_total", counter, "", "", "Those that got the lock."},
    LogMetric{"pgtend_log_lock_wait_seconds_total", counter, "seconds", "", "How long those waited."},
    LogMetric{"pgtend_log_connections_received_total", counter, "", "", "Connections that came in (log_connections)."},
    LogMetric{"pgtend_log_connections_authorized_total", counter, "", "", "Connections that became sessions."},
    LogMetric{"pgtend_log_connections_refused_total", counter, "", "reason", "Connections that were refused, by why."},
    LogMetric{"pgtend_log_disconnections_total", counter, "", "", "Sessions that ended (log_disconnections)."},
    LogMetric{"pgtend_log_session_seconds_total", counter, "seconds", "", "How long those had lasted."},
    LogMetric{"pgtend_log_crashes_total", counter, "", "signal", "Processes of the server ended by a signal."},
    LogMetric{"pgtend_log_starts_total", counter, "", "",
              "How often the server became ready, also after a crash of one process."},
    LogMetric{"pgtend_log_shutdowns_total", counter, "", "", "How often the server was shut down."},
    LogMetric{"pgtend_log_recoveries_total", counter, "", "", "How often WAL was replayed at a start."},
    LogMetric{"pgtend_log_redo_seconds_total", counter, "seconds", "", "How long that took, from PostgreSQL 14 on."},
    LogMetric{"pgtend_log_checkpoints_total", counter, "", "kind",
              "Checkpoints and restartpoints completed (log_checkpoints)."},
    LogMetric{"pgtend_log_checkpoint_buffers_total", counter, "", "kind", "Buffers they wrote."},
    LogMetric{"pgtend_log_checkpoint_seconds_total", counter, "seconds", "kind", "How long they took."},
    LogMetric{"pgtend_log_checkpoint_write_seconds_total", counter, "seconds", "kind", "Thereof spent on writing."},
    LogMetric{"pgtend_log_checkpoint_sync_seconds_total", counter, "seconds", "kind", "Thereof spent on syncing."},
    LogMetric{"pgtend_log_checkpoint_sync_files_total", counter, "", "kind", "Files they synced."},
    LogMetric{"pgtend_log_checkpoint_wal_files_total", counter, "", "kind, action",
              "Files of WAL they added, removed and recycled."},
    LogMetric{"pgtend_log_checkpoint_longest_sync_seconds", gauge, "seconds", "",
              "Longest sync of one file in the last checkpoint."},
    LogMetric{"pgtend_log_checkpoint_distance_bytes", gauge, "bytes", "",
              "WAL between the last checkpoint and the one before."},
    LogMetric{"pgtend_log_checkpoint_estimate_bytes", gauge, "bytes", "",
              "WAL that the server expects between checkpoints."},
    LogMetric{"pgtend_log_checkpoints_too_frequent_total", counter, "", "",
              "Warnings that checkpoints come too often (checkpoint_warning)."},
    LogMetric{"pgtend_log_autovacuum_runs_total", counter, "", kTable,
              "Automatic vacuums that were logged (log_autovacuum_min_duration)."},
    LogMetric{"pgtend_log_autovacuum_seconds_total", counter, "seconds", kTable, "How long they took."},
    LogMetric{"pgtend_log_autovacuum_wraparound_total", counter, "", kTable, "Those to prevent wraparound."},
    LogMetric{"pgtend_log_autovacuum_removed_total", counter, "", kTable, "Tuples they removed."},
    LogMetric{"pgtend_log_autovacuum_kept_dead_total", counter, "", kTable, "Dead tuples they could not remove yet."},
    LogMetric{"pgtend_log_autovacuum_buffers_total", counter, "", "datname, schemaname, relname, access",
              "Buffers they found (hit), read (miss) and dirtied."},
    LogMetric{"pgtend_log_autoanalyze_runs_total", counter, "", kTable, "Automatic analyzes that were logged."},
    LogMetric{"pgtend_log_autoanalyze_seconds_total", counter, "seconds", kTable, "How long they took."},
    LogMetric{"pgtend_log_plans_total", counter, "", "queryid",
              "Plans of auto_explain; queryid is empty where the log does not tell it."},
    LogMetric{"pgtend_log_plan_seconds_total", counter, "seconds", "queryid", "How long their statements took."},
    LogMetric{"pgtend_log_statements_total", counter, "", "",
              "Statements logged with their duration (log_min_duration_statement)."},
    LogMetric{"pgtend_log_statement_seconds_total", counter, "seconds", "", "How long those took."},
    LogMetric{"pgtend_log_read_bytes_total", counter, "bytes", "", "Read of the log."},
    LogMetric{"pgtend_log_skipped_bytes_total", counter, "bytes", "",
              "Passed over unread, because the log grew faster than postgresql.logs.max_bytes_per_second for long."},
    LogMetric{"pgtend_log_behind_bytes", gauge, "bytes", "", "Written and not read yet."},
    LogMetric{"pgtend_log_unreadable_total", counter, "", "", "How often something in the log was no entry."},
};

}  // namespace

std::span<const LogMetric> log_metric_table() {
  return kMetrics;
}

std::vector<MetricDef> log_metrics() {
  std::vector<MetricDef> out;
  for (const auto& m : kMetrics)
    out.push_back({std::string(m.name), m.kind, std::string(m.unit), std::string(m.help), "server log", ""});
  return out;
}

}  // namespace pgtend::logs
