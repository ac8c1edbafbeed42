// One server at a glance: is it there, what does it do, what holds it up.
export default {
  uid: 'pgtend-overview',
  title: 'pgtend / Overview',
  description: 'One PostgreSQL server at a glance: availability, load, waits, cache, host.',
  datname: true,
  rows: [
    {
      title: 'Now',
      panels: [
        { kind: 'stat', title: 'Server up', unit: 'bool_yes_no', description: 'Whether the last fresh connect within two intervals succeeded. Look at the runbook PgDown when it says no.', queries: [{ expr: 'min(pg_up{@i})' }] },
        { kind: 'stat', title: 'Connections used', unit: 'percentunit', description: 'Client connections as a part of those that are not reserved. PgConnectionsHigh fires at 80 %.', thresholds: [0.8, 0.95], queries: [{ expr: 'max(pgtend_connections_used_ratio{@i})' }] },
        { kind: 'stat', title: 'Longest transaction', unit: 's', description: 'Age of the oldest working transaction of a client. PgLongTransaction fires at an hour.', thresholds: [3600], queries: [{ expr: 'max(pgtend_transaction_age_seconds{@i})' }], empty: 'none' },
        { kind: 'stat', title: 'Blocked sessions', unit: 'short', description: 'Sessions that wait for a lock that another one holds. PgBlockedSessions fires above 5.', thresholds: [1, 5], queries: [{ expr: 'max(pgtend_blocked_sessions{@i})' }], empty: 'none' },
        { kind: 'stat', title: 'Cache hits', unit: 'percentunit', description: 'Blocks found in shared_buffers, of all that were asked for. Reads from the page cache of the system count as misses.', queries: [{ expr: 'sum(rate(pgtend_database_blocks_hit_total{@i,@d}[$__rate_interval])) / (sum(rate(pgtend_database_blocks_hit_total{@i,@d}[$__rate_interval])) + sum(rate(pgtend_database_blocks_read_total{@i,@d}[$__rate_interval])))' }] },
        { kind: 'stat', title: 'Transaction ids used', unit: 'percentunit', description: 'Age of the oldest unfrozen transaction, of the 2 billion after which the server refuses to write.', thresholds: [0.5, 0.75], queries: [{ expr: 'max(pgtend_xid_age{@i,@d}) / 2147483648' }] },
      ],
    },
    {
      title: 'Load',
      panels: [
        { title: 'Transactions', unit: 'ops', description: 'Commits and rollbacks a second. Rollbacks that rise alone are errors of the application.', min: 0, queries: [{ expr: 'sum(rate(pgtend_database_commits_total{@i,@d}[$__rate_interval]))', legend: 'commits' }, { expr: 'sum(rate(pgtend_database_rollbacks_total{@i,@d}[$__rate_interval]))', legend: 'rollbacks' }] },
        { title: 'Sessions by state', unit: 'short', description: 'Sessions of clients. Many that are idle in transaction keep vacuum from its work.', min: 0, stacked: true, queries: [{ expr: 'sum by (state) (pgtend_sessions{@i,@d,backend_type="client backend"})', legend: '{{state}}' }] },
        { title: 'Active sessions by wait', unit: 'short', description: 'What the sessions that run a statement wait for; no wait is CPU. Lock, LWLock and IO name what holds them up.', min: 0, stacked: true, queries: [{ expr: 'sum by (wait_event_type) (pgtend_sessions{@i,@d,state="active"})', legend: '{{wait_event_type}}' }] },
        { title: 'Rows', unit: 'rowsps', description: 'Rows returned, fetched by index, and written a second. Far more returned than fetched are sequential scans.', min: 0, queries: [{ expr: 'sum(rate(pgtend_database_rows_returned_total{@i,@d}[$__rate_interval]))', legend: 'returned' }, { expr: 'sum(rate(pgtend_database_rows_fetched_total{@i,@d}[$__rate_interval]))', legend: 'fetched' }, { expr: 'sum(rate(pgtend_database_rows_inserted_total{@i,@d}[$__rate_interval]))', legend: 'inserted' }, { expr: 'sum(rate(pgtend_database_rows_updated_total{@i,@d}[$__rate_interval]))', legend: 'updated' }, { expr: 'sum(rate(pgtend_database_rows_deleted_total{@i,@d}[$__rate_interval]))', legend: 'deleted' }] },
        { title: 'Temporary files', unit: 'Bps', description: 'Written because work_mem was too small for a sort or a hash. pgtend findings names the role.', min: 0, queries: [{ expr: 'sum by (datname) (rate(pgtend_database_temp_bytes_total{@i,@d}[$__rate_interval]))', legend: '{{datname}}' }] },
        { title: 'Deadlocks and conflicts', unit: 'short', description: 'Within five minutes. Deadlocks are two transactions that lock in different orders.', min: 0, queries: [{ expr: 'sum(increase(pgtend_database_deadlocks_total{@i,@d}[5m]))', legend: 'deadlocks' }, { expr: 'sum(increase(pgtend_database_conflicts_total{@i,@d}[5m]))', legend: 'recovery conflicts' }] },
      ],
    },
    {
      title: 'Write-ahead log and checkpoints',
      panels: [
        { title: 'WAL written', unit: 'Bps', description: 'Write-ahead log a second. Full page images after a checkpoint show as saw teeth.', min: 0, queries: [{ expr: 'sum(rate(pgtend_wal_bytes_total{@i}[$__rate_interval]))', legend: 'WAL' }] },
        { title: 'Checkpoints', unit: 'short', description: 'Within an hour, by their cause. Requested ones mean that max_wal_size is too small.', min: 0, queries: [{ expr: 'sum(increase(pgtend_checkpoints_timed_total{@i}[1h]))', legend: 'by time' }, { expr: 'sum(increase(pgtend_checkpoints_requested_total{@i}[1h]))', legend: 'requested' }] },
      ],
    },
    {
      title: 'Host',
      panels: [
        { title: 'CPU', unit: 'percentunit', description: 'Of all cores, by mode, without idle.', min: 0, stacked: true, queries: [{ expr: 'sum by (mode) (rate(node_cpu_seconds_total{@i,mode!="idle"}[$__rate_interval])) / on () group_left () count(count by (cpu) (node_cpu_seconds_total{@i,mode="idle"}))', legend: '{{mode}}' }] },
        { title: 'Memory available', unit: 'bytes', description: 'What the system can give without swapping. effective_cache_size should not promise more.', min: 0, queries: [{ expr: 'node_memory_MemAvailable_bytes{@i}', legend: 'available' }] },
        { title: 'Pressure', unit: 'percentunit', description: 'Part of the time in which some task waited for the resource (PSI). Above 20 % people notice.', min: 0, queries: [{ expr: 'rate(node_pressure_cpu_waiting_seconds_total{@i}[$__rate_interval])', legend: 'CPU' }, { expr: 'rate(node_pressure_io_waiting_seconds_total{@i}[$__rate_interval])', legend: 'I/O' }, { expr: 'rate(node_pressure_memory_waiting_seconds_total{@i}[$__rate_interval])', legend: 'memory' }] },
        { title: 'Disk space free', unit: 'percentunit', description: 'Of each file system that the server writes to. DiskAlmostFull fires below 10 %.', min: 0, queries: [{ expr: 'node_filesystem_avail_bytes{@i} / node_filesystem_size_bytes{@i}', legend: '{{mountpoint}}' }] },
      ],
    },
  ],
};
