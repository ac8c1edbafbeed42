#include "agent/engine/migration_tables.hpp"

#include <algorithm>

namespace pgtend::engine {

// Of each tool, as its own table has it. Sources: Flyway's createMetaDataTable for PostgreSQL, Liquibase's
// databasechangelog, golang-migrate's and goose's PostgreSQL drivers, dbmate's schema_migrations, sqitch's
// registry 1.0.
const std::vector<MigrationTool>& migration_tools() {
  static const std::vector<MigrationTool> tools{
      {"flyway",
       {"installed_rank", "version", "description", "type", "script", "checksum", "installed_on", "success"},
       false,
       "",
       // A version is gone when an undo or a deletion of it came later; of a repeated script the last run counts.
       R"(SELECT h.version, h.description AS name, h.checksum::text AS checksum, h.installed_on::timestamptz AS applied_at,
       CASE WHEN h.success THEN 'applied' ELSE 'failed' END AS state, h.type = 'BASELINE' AS and_before
  FROM %1 h
 WHERE h.type NOT IN ('SCHEMA', 'UNDO_SQL', 'UNDO_JDBC', 'DELETE')
   AND NOT EXISTS (SELECT 1 FROM %1 l
                    WHERE l.installed_rank > h.installed_rank AND l.success
                      AND (l.version = h.version AND l.type IN ('UNDO_SQL', 'UNDO_JDBC', 'DELETE')
                           OR h.version IS NULL AND l.version IS NULL AND l.script = h.script))
 ORDER BY h.installed_rank)",
       "",
       ""},
      {"liquibase",
       {"id", "author", "filename", "dateexecuted", "orderexecuted", "exectype", "md5sum"},
       false,
       "",
       R"(SELECT id AS version, filename || '::' || id || '::' || author AS name, md5sum AS checksum,
       dateexecuted::timestamptz AS applied_at,
       CASE WHEN exectype = 'FAILED' THEN 'failed' ELSE 'applied' END AS state, false AS and_before
  FROM %1 WHERE exectype <> 'SKIPPED' ORDER BY orderexecuted, dateexecuted)",
       R"(SELECT 'Liquibase holds its lock since ' || coalesce(lockgranted::text, 'an unknown time') ||
       ': it runs, or it died while it ran (liquibase release-locks)'
  FROM %2.databasechangeloglock WHERE locked)",
       "databasechangeloglock"},
      {"golang-migrate",
       {"version", "dirty"},
       true,
       "",
       R"(SELECT version::text AS version, '' AS name, NULL AS checksum, NULL AS applied_at,
       CASE WHEN dirty THEN 'dirty' ELSE 'applied' END AS state, NOT dirty AS and_before
  FROM %1 ORDER BY 1)",
       "",
       ""},
      {"goose",
       {"id", "version_id", "is_applied", "tstamp"},
       true,
       "",
       R"(SELECT version, name, checksum, applied_at, state, and_before
  FROM (SELECT DISTINCT ON (version_id) id, version_id::text AS version, '' AS name, NULL AS checksum,
               tstamp::timestamptz AS applied_at, 'applied' AS state, false AS and_before, is_applied
          FROM %1 WHERE version_id > 0 ORDER BY version_id, id DESC) latest
 WHERE is_applied ORDER BY id)",
       "",
       ""},
      {"dbmate",
       {"version"},
       true,
       "migration",
       R"(SELECT version::text AS version, '' AS name, NULL AS checksum, NULL AS applied_at, 'applied' AS state,
       false AS and_before
  FROM %1 ORDER BY 1)",
       "SELECT 'ar_internal_metadata stands beside it: this history is of Ruby on Rails, not of dbmate'",
       "ar_internal_metadata"},
      {"sqitch",
       {"change_id", "script_hash", "change", "project", "committed_at", "planned_at"},
       false,
       "",
       // The table `changes` holds what is deployed; that a deployment failed is only among the events.
       R"(SELECT version, name, checksum, applied_at, state, and_before FROM (
  SELECT change_id AS version, project || ':' || change AS name, script_hash AS checksum, committed_at AS applied_at,
         'applied' AS state, false AS and_before
    FROM %1
  UNION ALL
  SELECT change_id, project || ':' || change, NULL, committed_at, 'failed', false
    FROM (SELECT DISTINCT ON (change_id) * FROM %2.events ORDER BY change_id, committed_at DESC) latest
   WHERE event = 'fail') both_tables
 ORDER BY applied_at)",
       "",
       ""},
  };
  return tools;
}

std::string_view relations_statement() {
  return R"(SELECT n.nspname AS schema, c.relname AS name,
       has_schema_privilege(n.oid, 'USAGE') AS usable, has_table_privilege(c.oid, 'SELECT') AS readable,
       (SELECT array_agg(a.attname::text ORDER BY a.attnum)
          FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_t'
   AND EXISTS (SELECT 1 FROM pg_catalog.pg_attribute a
                WHERE a.attrelid = c.oid AND a.attname IN ('version', 'version_id', 'md5sum', 'change_id', 'locked', 'key'))
 ORDER BY 1, 2)";
}

const MigrationTool* tool_of(const std::string& table, const std::vector<std::string>& columns) {
  for (const auto& tool : migration_tools()) {
    const bool all = std::all_of(tool.columns.begin(), tool.columns.end(), [&](std::string_view wanted) {
      return std::find(columns.begin(), columns.end(), wanted) != columns.end();
    });
    if (!all || (tool.exactly && columns.size() != tool.columns.size())) continue;
    if (table.find(tool.name_part) == std::string::npos) continue;
    // sqitch's events have the columns of its changes, and more.
    if (std::find(columns.begin(), columns.end(), "event") == columns.end()) return &tool;
  }
  return nullptr;
}

std::vector<AdoptedMigration> adopted_rows(const RowSet& rows) {
  std::vector<AdoptedMigration> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    AdoptedMigration one;
    one.version = rows.text(i, "version");
    one.name = rows.text(i, "name");
    one.checksum = rows.text(i, "checksum");
    if (const auto at = rows.integer(i, "applied_ms")) one.applied_at = from_ms(*at);
    const auto state = rows.text(i, "state");
    one.state = state == "failed"  ? AdoptedState::failed
                : state == "dirty" ? AdoptedState::dirty
                                   : AdoptedState::applied;
    one.and_before = rows.boolean(i, "and_before");
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace pgtend::engine
