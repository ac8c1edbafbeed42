#include "collectors/postgres/sizes.hpp"

#include <algorithm>
#include <span>

#include "agent/base/strings.hpp"

namespace pgtend::collectors {
namespace {

std::string array_of(std::span<const std::string> items) {
  return "{" + join(items, ",") + "}";
}

}  // namespace

std::string unlocked_relations_sql() {
  // Measuring a table opens its indexes and its TOAST table too, so a lock on one of those counts as its own. The sum
  // of some partitions would be no size of their root.
  std::string sql = R"(WITH locked AS MATERIALIZED (
  SELECT DISTINCT l.relation AS oid
  FROM pg_catalog.pg_locks l
  JOIN pg_catalog.pg_database d ON d.oid = l.database AND d.datname = pg_catalog.current_database()
  WHERE l.mode = 'AccessExclusiveLock' AND l.relation IS NOT NULL),
skipped AS MATERIALIZED (
  SELECT oid FROM locked
  UNION SELECT i.indrelid FROM pg_catalog.pg_index i JOIN locked ON locked.oid = i.indexrelid
  UNION SELECT t.oid FROM pg_catalog.pg_class t JOIN locked ON locked.oid = t.reltoastrelid
  UNION SELECT t.oid FROM pg_catalog.pg_class t
        JOIN pg_catalog.pg_index i ON i.indrelid = t.reltoastrelid JOIN locked ON locked.oid = i.indexrelid),
halved AS MATERIALIZED (
  SELECT DISTINCT pg_catalog.pg_partition_root(c.oid) AS root
  FROM skipped s JOIN pg_catalog.pg_class c ON c.oid = s.oid WHERE c.relispartition),
relations AS (
  SELECT c.oid, c.relpages, CASE WHEN c.relispartition THEN pg_catalog.pg_partition_root(c.oid) ELSE c.oid END AS root
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't'
    AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_toast%'),
sized AS (
  SELECT oid, root, count(*) OVER (PARTITION BY root) AS parts, sum(relpages) OVER (PARTITION BY root) AS pages
  FROM relations WHERE oid NOT IN (SELECT s.oid FROM skipped s)
    AND root NOT IN (SELECT h.root FROM halved h WHERE h.root IS NOT NULL)),
ordered AS (
  SELECT oid, root, parts, pages, count(*) OVER (ORDER BY pages DESC, root) - parts AS before
  FROM sized WHERE parts <= $most),
picked AS (SELECT oid, root, pages FROM ordered WHERE before < $most)
SELECT p.oid, l.left_out
FROM (SELECT (SELECT count(*) FROM relations) - (SELECT count(*) FROM picked) AS left_out) l
LEFT JOIN picked p ON true
ORDER BY p.pages DESC, p.root, p.oid)";
  const std::string most = std::to_string(kMeasuredRelations);
  for (auto at = sql.find("$most"); at != std::string::npos; at = sql.find("$most", at)) sql.replace(at, 5, most);
  return sql;
}

std::vector<std::string> oid_chunks(const RowSet& rows, std::size_t chunk) {
  std::vector<std::string> oids, out;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (rows.integer(i, "oid")) oids.push_back(rows.text(i, "oid"));
  chunk = std::max<std::size_t>(chunk, 1);
  for (std::size_t at = 0; at < oids.size(); at += chunk)
    out.push_back(array_of(std::span(oids).subspan(at, std::min(chunk, oids.size() - at))));
  return out;
}

std::vector<std::string> split_chunk(const std::string& chunk) {
  const auto oids = parse_array(chunk);
  if (oids.size() < 2) return {};
  const std::span all(oids);
  return {array_of(all.first(oids.size() / 2)), array_of(all.subspan(oids.size() / 2))};
}

}  // namespace pgtend::collectors
