// PgBouncer and Redis beside the server.
export default {
  uid: 'pgtend-pools',
  title: 'pgtend / Pools and caches',
  description: 'PgBouncer pools and Redis caches that pgtend watches beside the server.',
  rows: [
    {
      title: 'PgBouncer',
      panels: [
        { title: 'Clients', unit: 'short', description: 'Clients that have a server connection, and clients that wait for one.', min: 0, queries: [{ expr: 'sum by (database) (pgbouncer_pools_client_active_connections{@i})', legend: '{{database}} active' }, { expr: 'sum by (database) (pgbouncer_pools_client_waiting_connections{@i})', legend: '{{database}} waiting' }], empty: 'no PgBouncer' },
        { title: 'Longest wait', unit: 's', description: 'How long the first client in the queue has waited. More than a second and people notice: raise default_pool_size or shorten transactions.', min: 0, queries: [{ expr: 'max by (database) (pgbouncer_pools_client_maxwait_seconds{@i})', legend: '{{database}}' }], empty: 'no PgBouncer' },
        { title: 'Server connections', unit: 'short', description: 'Connections to PostgreSQL, in use and idle.', min: 0, stacked: true, queries: [{ expr: 'sum by (database) (pgbouncer_pools_server_active_connections{@i})', legend: '{{database}} active' }, { expr: 'sum by (database) (pgbouncer_pools_server_idle_connections{@i})', legend: '{{database}} idle' }], empty: 'no PgBouncer' },
        { title: 'Queries', unit: 'ops', description: 'Queries a second through the pooler.', min: 0, queries: [{ expr: 'sum by (database) (rate(pgbouncer_stats_queries_pooled_total{@i}[$__rate_interval]))', legend: '{{database}}' }], empty: 'no PgBouncer' },
      ],
    },
    {
      title: 'Redis',
      panels: [
        { title: 'Hit ratio', unit: 'percentunit', description: 'Keys found, of those asked for.', min: 0, queries: [{ expr: 'rate(redis_keyspace_hits_total{@i}[$__rate_interval]) / (rate(redis_keyspace_hits_total{@i}[$__rate_interval]) + rate(redis_keyspace_misses_total{@i}[$__rate_interval]) > 0)', legend: '{{addr}}' }], empty: 'no requests' },
        { title: 'Memory', unit: 'bytes', description: 'Used, and the bound at which keys are evicted or writes refused.', min: 0, queries: [{ expr: 'redis_memory_used_bytes{@i}', legend: 'used {{addr}}' }, { expr: 'redis_memory_max_bytes{@i} > 0', legend: 'maxmemory {{addr}}' }], empty: 'no Redis' },
        { title: 'Keys evicted and expired', unit: 'ops', description: 'Evictions mean that maxmemory is too small for the working set.', min: 0, queries: [{ expr: 'rate(redis_evicted_keys_total{@i}[$__rate_interval])', legend: 'evicted {{addr}}' }, { expr: 'rate(redis_expired_keys_total{@i}[$__rate_interval])', legend: 'expired {{addr}}' }], empty: 'no Redis' },
        { title: 'Commands', unit: 'ops', description: 'Commands that clients sent, a second.', min: 0, queries: [{ expr: 'rate(redis_commands_processed_total{@i}[$__rate_interval])', legend: '{{addr}}' }], empty: 'no Redis' },
      ],
    },
  ],
};
