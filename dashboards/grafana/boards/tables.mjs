// Where the space and the dead rows are, and whether vacuum keeps up.
const legend = '{{datname}}.{{schemaname}}.{{relname}}';

export default {
  uid: 'pgtend-tables',
  title: 'pgtend / Tables',
  description: 'Sizes, dead rows, vacuum and transaction-id age of tables.',
  datname: true,
  rows: [
    {
      title: 'Space',
      panels: [
        { title: 'Databases', unit: 'bytes', description: 'Size on disk of each database.', min: 0, stacked: true, queries: [{ expr: 'max by (datname) (last_over_time(pgtend_database_size_bytes{@i,@d}[1h]))', legend: '{{datname}}' }] },
        { title: 'Largest tables', unit: 'bytes', description: 'Table with TOAST, without its indexes.', min: 0, queries: [{ expr: 'topk(10, last_over_time(pgtend_table_size_bytes{@i,@d}[3h]))', legend }] },
        { title: 'Tables with most index', unit: 'bytes', description: 'All indexes of a table together. pgtend findings names those that are unused or twice there.', min: 0, queries: [{ expr: 'topk(10, last_over_time(pgtend_table_indexes_size_bytes{@i,@d}[3h]))', legend }] },
        { title: 'Sequential scans that read most', unit: 'rowsps', description: 'Rows a second read by sequential scans. A large table that leads here may lack an index.', min: 0, queries: [{ expr: 'topk(10, rate(pgtend_table_seq_rows_read_total{@i,@d}[$__rate_interval]))', legend }] },
      ],
    },
    {
      title: 'Vacuum',
      panels: [
        { title: 'Dead rows', unit: 'short', description: 'Estimated rows that nobody can see any more and vacuum has not removed.', min: 0, queries: [{ expr: 'topk(10, pgtend_table_dead_rows{@i,@d})', legend }] },
        { title: 'Behind autovacuum', unit: 'percentunit', description: 'Dead rows as a part of those that start an autovacuum. PgAutovacuumOverdue fires at 200 %.', min: 0, queries: [{ expr: 'topk(10, pgtend_table_autovacuum_threshold_ratio{@i,@d})', legend }] },
        { title: 'Updates that are HOT', unit: 'percentunit', description: 'Updates that wrote no index. A new index on a column that changes ends them.', min: 0, queries: [{ expr: 'sum by (datname) (rate(pgtend_table_rows_hot_updated_total{@i,@d}[$__rate_interval])) / (sum by (datname) (rate(pgtend_table_rows_updated_total{@i,@d}[$__rate_interval])) > 0)', legend: '{{datname}}' }], empty: 'no updates' },
        { title: 'Oldest transaction id', unit: 'short', description: 'Transactions since the oldest unfrozen one, by database. PgXidAgeCritical fires at 1.5 billion, long before the server refuses to write.', min: 0, queries: [{ expr: 'max by (datname) (pgtend_xid_age{@i,@d})', legend: '{{datname}}' }] },
      ],
    },
  ],
};
