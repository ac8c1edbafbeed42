// Which statements the server spends its time on. Texts are never labels: pgtend findings and the API have them.
const top = (what) => `topk(10, sum by (queryid, datname, usename) (rate(${what}{@i,@d}[$__rate_interval])))`;
const legend = '{{queryid}} {{datname}} {{usename}}';

export default {
  uid: 'pgtend-statements',
  title: 'pgtend / Statements',
  description: 'The statements of pg_stat_statements that cost most, by time, calls, reading, writing and spilling.',
  datname: true,
  instances: 'pgtend_statements_calls_total',
  rows: [
    {
      title: 'All statements',
      panels: [
        { title: 'Calls', unit: 'ops', description: 'Executions a second of all statements.', min: 0, queries: [{ expr: 'sum by (datname) (rate(pgtend_statements_calls_total{@i,@d}[$__rate_interval]))', legend: '{{datname}}' }] },
        { title: 'Time for a call', unit: 's', description: 'Execution time of an average statement.', min: 0, queries: [{ expr: 'sum by (datname) (rate(pgtend_statements_exec_seconds_total{@i,@d}[$__rate_interval])) / sum by (datname) (rate(pgtend_statements_calls_total{@i,@d}[$__rate_interval]))', legend: '{{datname}}' }] },
      ],
    },
    {
      title: 'Top ten',
      panels: [
        { title: 'By time', unit: 'percentunit', description: 'Execution time a second: 100 % is one session that does nothing else.', min: 0, stacked: true, queries: [{ expr: top('pgtend_statements_exec_seconds_total'), legend }] },
        { title: 'By calls', unit: 'ops', description: 'Executions a second of the statements run most often.', min: 0, queries: [{ expr: top('pgtend_statements_calls_total'), legend }] },
        { title: 'By blocks read', unit: 'ops', description: 'Blocks of 8 kB a second from outside shared_buffers. A statement that leads here may lack an index.', min: 0, queries: [{ expr: top('pgtend_statements_shared_blocks_read_total'), legend }] },
        { title: 'By blocks dirtied', unit: 'ops', description: 'Blocks of 8 kB a second that the statement was the first to change.', min: 0, queries: [{ expr: top('pgtend_statements_shared_blocks_dirtied_total'), legend }] },
        { title: 'By temporary blocks', unit: 'ops', description: 'Blocks of 8 kB a second written to temporary files: work_mem is too small for it.', min: 0, queries: [{ expr: top('pgtend_statements_temp_blocks_written_total'), legend }] },
        { title: 'By WAL', unit: 'Bps', description: 'Write-ahead log a second.', min: 0, queries: [{ expr: top('pgtend_statements_wal_bytes_total'), legend }] },
      ],
    },
    {
      title: 'pg_stat_statements itself',
      panels: [
        { kind: 'stat', title: 'Entries used', unit: 'percentunit', description: 'Of pg_stat_statements.max. A full table forgets statements.', thresholds: [0.9], queries: [{ expr: 'max(last_over_time(pgtend_statements_entries{@i}[1h]) / last_over_time(pgtend_statements_entries_max{@i}[1h]))' }] },
        { kind: 'stat', title: 'Evictions in an hour', unit: 'short', description: 'Statements that were forgotten to make room.', thresholds: [1], queries: [{ expr: 'sum(increase(pgtend_statements_evictions_total{@i}[1h]))' }] },
      ],
    },
  ],
};
