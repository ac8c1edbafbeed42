#include "collectors/postgres/facts_sql.hpp"

namespace pgtend::collectors::facts {

const std::string_view kDatabaseSql = R"(SELECT d.oid, s.stats_reset,
       pg_catalog.concat_ws('/', extract(epoch FROM s.stats_reset),
         (SELECT extract(epoch FROM a.stats_reset) FROM pg_catalog.pg_stat_archiver a)) AS epoch,
       pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') AS reads_all_stats,
       (SELECT count(*) FROM pg_catalog.pg_stat_activity b
        WHERE b.state = 'active' AND b.backend_type = 'client backend'
          AND b.pid <> pg_catalog.pg_backend_pid()) AS active_backends
FROM pg_catalog.pg_database d
LEFT JOIN pg_catalog.pg_stat_database s ON s.datid = d.oid
WHERE d.datname = pg_catalog.current_database())";

// Command and connection settings may hold passwords: whether one is set is all that leaves the server.
const std::string_view kSettingsSql = R"(SELECT name,
       CASE WHEN secret AND setting NOT IN ('', '(disabled)') THEN '<hidden>' ELSE setting END AS setting,
       CASE WHEN secret AND reset_val NOT IN ('', '(disabled)') THEN '<hidden>' ELSE reset_val END AS reset_val,
       unit, context, vartype, source, sourcefile, boot_val, min_val, max_val, enumvals, pending_restart
FROM (SELECT *, name IN ('primary_conninfo', 'ssl_passphrase_command', 'archive_command', 'restore_command',
                         'archive_cleanup_command', 'recovery_end_command')
                OR category = 'Customized Options' AND vartype = 'string' AS secret
      FROM pg_catalog.pg_settings) s
ORDER BY name)";

const std::string_view kRolesSql = R"(SELECT oid, rolname, rolsuper, rolcanlogin,
       ARRAY(SELECT item FROM pg_catalog.unnest(rolconfig) AS c(item)
             WHERE pg_catalog.split_part(item, '=', 1) NOT LIKE '%.%') AS settings
FROM pg_catalog.pg_roles
ORDER BY oid)";

const std::string_view kTablesSql = R"(SELECT c.oid, n.nspname AS schema, c.relname AS name,
       pg_catalog.pg_get_userbyid(c.relowner) AS owner, c.relkind, c.reltuples, c.relpages, c.reloptions,
       c.relrowsecurity,
       CASE WHEN c.relispartition THEN
         (SELECT h.inhparent FROM pg_catalog.pg_inherits h WHERE h.inhrelid = c.oid LIMIT 1) END AS partition_of,
       EXISTS (SELECT FROM pg_catalog.pg_depend d
               WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid
                 AND d.deptype = 'e') AS extension_owned,
       s.n_live_tup, s.n_dead_tup, s.n_mod_since_analyze, s.n_ins_since_vacuum, s.n_tup_ins, s.n_tup_upd, s.n_tup_del,
       s.n_tup_hot_upd, s.seq_scan, s.seq_tup_read, s.idx_scan, s.idx_tup_fetch, s.autovacuum_count, s.vacuum_count,
       s.last_vacuum, s.last_autovacuum, s.last_analyze, s.last_autoanalyze
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_stat_all_tables s ON s.relid = c.oid
WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_toast%'
ORDER BY c.oid)";

// Column statistics are shown only for columns this role may read; the rest keep their names and types.
const std::string_view kColumnsSql = R"(SELECT a.attrelid, a.attnum, a.attname, a.attnotnull,
       pg_catalog.format_type(a.atttypid, a.atttypmod) AS type, s.n_distinct, s.null_frac, s.avg_width, s.correlation
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN (
  SELECT DISTINCT ON (p.schemaname, p.tablename, p.attname)
         p.schemaname, p.tablename, p.attname, p.n_distinct, p.null_frac, p.avg_width, p.correlation
  FROM pg_catalog.pg_stats p
  WHERE p.schemaname NOT IN ('pg_catalog', 'information_schema')
  ORDER BY p.schemaname, p.tablename, p.attname, p.inherited) s
  ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_toast%'
ORDER BY a.attrelid, a.attnum)";

// What is true or not goes into one field, in the order of facts_parts.cpp: a field for each of 4,000 indexes would be
// two megabytes.
const std::string_view kIndexesSql = R"(SELECT i.indexrelid, i.indrelid, n.nspname AS schema, c.relname AS name,
       am.amname AS method, i.indnkeyatts,
       ARRAY(SELECT CASE WHEN k.attnum = 0 THEN '' ELSE a.attname::pg_catalog.text END
             FROM pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY AS k(attnum, place)
             LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
             ORDER BY k.place) AS column_names,
       i.indkey::pg_catalog.text AS keys, i.indclass::pg_catalog.text AS classes,
       i.indcollation::pg_catalog.text AS collations, i.indoption::pg_catalog.text AS options,
       pg_catalog.concat(
         i.indexprs IS NOT NULL, i.indpred IS NOT NULL, i.indisunique, i.indisprimary, i.indisexclusion, i.indisvalid,
         i.indisready, i.indisreplident, i.indisclustered,
         EXISTS (SELECT FROM pg_catalog.pg_constraint x WHERE x.conindid = i.indexrelid),
         EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhrelid = i.indexrelid),
         EXISTS (SELECT FROM pg_catalog.pg_depend d
                 WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = i.indexrelid
                   AND d.deptype = 'e')) AS flags,
       pg_catalog.pg_stat_get_numscans(i.indexrelid) AS idx_scan,
       pg_catalog.pg_stat_get_tuples_returned(i.indexrelid) AS idx_tup_read,
       c.relpages::pg_catalog.int8 * pg_catalog.current_setting('block_size')::pg_catalog.int8 AS bytes,
       x.description AS comment
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_am am ON am.oid = c.relam
LEFT JOIN pg_catalog.pg_description x ON x.objoid = i.indexrelid AND x.objsubid = 0
  AND x.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
WHERE t.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_toast%'
ORDER BY i.indexrelid)";

// Spelling a definition opens the table, so one that is locked, or that somebody waits to lock, is left out.
const std::string_view kIndexDefinitionsSql = R"(WITH locked AS MATERIALIZED (
  SELECT DISTINCT l.relation
  FROM pg_catalog.pg_locks l
  JOIN pg_catalog.pg_database d ON d.oid = l.database AND d.datname = pg_catalog.current_database()
  WHERE l.mode = 'AccessExclusiveLock' AND l.relation IS NOT NULL),
free AS MATERIALIZED (
  SELECT i.indexrelid, i.indrelid, i.indexprs, i.indpred
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relpersistence <> 't'
    AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_toast%'
    AND i.indrelid NOT IN (SELECT relation FROM locked) AND i.indexrelid NOT IN (SELECT relation FROM locked))
SELECT indexrelid, pg_catalog.pg_get_indexdef(indexrelid) AS definition,
       pg_catalog.pg_get_expr(indexprs, indrelid) AS expressions,
       pg_catalog.pg_get_expr(indpred, indrelid) AS predicate
FROM free
ORDER BY indexrelid)";

const std::string_view kForeignKeysSql = R"(SELECT x.conrelid, x.conkey
FROM pg_catalog.pg_constraint x
WHERE x.contype = 'f'
ORDER BY x.oid)";

const std::string_view kMatviewsSql = R"(SELECT c.oid, n.nspname AS schema, c.relname AS name,
       pg_catalog.pg_get_userbyid(c.relowner) AS owner, c.relispopulated, c.relpages, c.reltuples, c.relfilenode,
       EXISTS (SELECT FROM pg_catalog.pg_index i
               WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate
                 AND i.indpred IS NULL AND i.indexprs IS NULL) AS has_unique_index,
       pg_catalog.pg_stat_get_numscans(c.oid)
         + coalesce((SELECT sum(pg_catalog.pg_stat_get_numscans(i.indexrelid))
                     FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid), 0) AS reads,
       pg_catalog.pg_stat_get_tuples_inserted(c.oid) + pg_catalog.pg_stat_get_tuples_updated(c.oid)
         + pg_catalog.pg_stat_get_tuples_deleted(c.oid) AS own_writes
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'm' AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
ORDER BY c.oid)";

// Through views down to tables and their partitions; another materialized view is an end, it has bases of its own.
const std::string_view kMatviewBasesSql = R"(WITH RECURSIVE reads(root, oid, kind) AS (
  SELECT c.oid, c.oid, c.relkind FROM pg_catalog.pg_class c WHERE c.relkind = 'm'
  UNION
  SELECT r.root, x.oid, x.relkind
  FROM reads r
  CROSS JOIN LATERAL (
    SELECT t.oid, t.relkind
    FROM pg_catalog.pg_rewrite w
    JOIN pg_catalog.pg_depend p ON p.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND p.objid = w.oid
                               AND p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND p.refobjid <> r.oid
    JOIN pg_catalog.pg_class t ON t.oid = p.refobjid
    WHERE w.ev_class = r.oid AND (r.kind = 'v' OR r.oid = r.root) AND t.relkind IN ('r', 'p', 'f', 'v', 'm')
    UNION ALL
    SELECT t.oid, t.relkind
    FROM pg_catalog.pg_inherits h
    JOIN pg_catalog.pg_class t ON t.oid = h.inhrelid
    WHERE h.inhparent = r.oid AND r.kind IN ('r', 'p')) x)
SELECT r.root, r.oid, r.kind, c.relrowsecurity
FROM reads r
JOIN pg_catalog.pg_class c ON c.oid = r.oid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE r.oid <> r.root AND r.kind <> 'v' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
ORDER BY r.root, r.oid)";

// "absent" stands in for the column that the extension before 1.9 does not have: an inner name goes before an outer
// one.
const std::string_view kStatementsSql = R"(SELECT s.*, coalesce(r.rolname, s.userid::pg_catalog.text) AS usename
FROM (
  SELECT q.*, pg_catalog.row_number() OVER (ORDER BY q.total_exec_time DESC, q.queryid) AS by_time,
         pg_catalog.row_number() OVER (ORDER BY q.calls DESC, q.queryid) AS by_calls
  FROM (SELECT true AS toplevel) AS absent
  CROSS JOIN LATERAL (
    SELECT userid, dbid, queryid, toplevel AS is_toplevel, query, calls, rows, total_exec_time, mean_exec_time,
           stddev_exec_time, shared_blks_hit, shared_blks_read, shared_blks_dirtied, shared_blks_written,
           temp_blks_read, temp_blks_written, wal_bytes
    FROM {schema}.pg_stat_statements
    WHERE queryid IS NOT NULL
      AND dbid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())) q) s
LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.userid
WHERE s.by_time <= 800 OR s.by_calls <= 200
ORDER BY s.by_time)";

const std::string_view kStatementsInfoSql =
    R"(SELECT extract(epoch FROM stats_reset) AS reset_time FROM {schema}.pg_stat_statements_info)";

}  // namespace pgtend::collectors::facts
