#include "collectors/postgres/facts_sql.hpp"

namespace pgtend::collectors::facts {

// Bounds of time are compared as such: those of date and timestamp, which name no zone, as UTC. The size comes from the
// catalogs, because pg_relation_size() waits behind ACCESS EXCLUSIVE.
const std::string_view kPartitionsSql = R"(WITH parts AS MATERIALIZED (
  SELECT t.oid AS parent, a.attname AS key, pg_catalog.format_type(a.atttypid, NULL) AS key_type, a.atttypid,
         c.oid, n.nspname AS schema, c.relname AS name, c.oid = p.partdefid AS is_default,
        
         c.relpages > 0 OR pg_catalog.pg_stat_get_live_tuples(c.oid) > 0 AS holds_rows,
         pg_catalog.pg_get_expr(c.relpartbound, c.oid) AS bound
  FROM pg_catalog.pg_partitioned_table p
  JOIN pg_catalog.pg_class t ON t.oid = p.partrelid
  JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = p.partattrs[0]
  JOIN pg_catalog.pg_inherits h ON h.inhparent = t.oid
  JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE p.partstrat = 'r' AND p.partnatts = 1
    AND a.atttypid IN ('pg_catalog.date'::pg_catalog.regtype, 'pg_catalog.timestamp'::pg_catalog.regtype,
                       'pg_catalog.timestamptz'::pg_catalog.regtype)),
bounds AS MATERIALIZED (
  SELECT parts.*, pg_catalog.substring(bound, 'FROM \(''([^'']*)''\) TO') AS lower,
         pg_catalog.substring(bound, 'TO \(''([^'']*)''\)$') AS upper
  FROM parts)
SELECT parent, key, key_type, oid, schema, name, is_default, holds_rows, lower, upper,
       CASE WHEN lower IS NULL OR lower LIKE '%infinity' OR lower LIKE '% BC' THEN NULL
            WHEN key_type = 'timestamp with time zone'
              THEN extract(epoch FROM lower::pg_catalog.timestamptz)
            ELSE extract(epoch FROM lower::pg_catalog.timestamp) END AS lower_at,
       CASE WHEN upper IS NULL OR upper LIKE '%infinity' OR upper LIKE '% BC' THEN NULL
            WHEN key_type = 'timestamp with time zone'
              THEN extract(epoch FROM upper::pg_catalog.timestamptz)
            ELSE extract(epoch FROM upper::pg_catalog.timestamp) END AS upper_at
FROM bounds
ORDER BY parent, upper_at NULLS LAST, oid)";

// What ANALYZE saw of the keys in DEFAULT partitions; the table itself is not read.
const std::string_view kStrayKeysSql = R"(WITH seen AS MATERIALIZED (
  SELECT p.partrelid AS parent, pg_catalog.format_type(a.atttypid, NULL) AS key_type, v.value
  FROM pg_catalog.pg_partitioned_table p
  JOIN pg_catalog.pg_class d ON d.oid = p.partdefid
  JOIN pg_catalog.pg_namespace n ON n.oid = d.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0]
  JOIN pg_catalog.pg_stats s ON s.schemaname = n.nspname AND s.tablename = d.relname AND s.attname = a.attname
  CROSS JOIN LATERAL pg_catalog.unnest(
    coalesce(s.histogram_bounds::pg_catalog.text::pg_catalog.text[], '{}') ||
    coalesce(s.most_common_vals::pg_catalog.text::pg_catalog.text[], '{}')) AS v(value)
  WHERE p.partstrat = 'r' AND p.partnatts = 1
    AND a.atttypid IN ('pg_catalog.date'::pg_catalog.regtype, 'pg_catalog.timestamp'::pg_catalog.regtype,
                       'pg_catalog.timestamptz'::pg_catalog.regtype))
SELECT DISTINCT parent,
       CASE WHEN key_type = 'timestamp with time zone' THEN extract(epoch FROM value::pg_catalog.timestamptz)
            ELSE extract(epoch FROM value::pg_catalog.timestamp) END AS at
FROM seen
WHERE value NOT LIKE '%infinity' AND value NOT LIKE '% BC'
ORDER BY 1, 2
LIMIT 10000)";

}  // namespace pgtend::collectors::facts
