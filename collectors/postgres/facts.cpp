#include "collectors/postgres/facts.hpp"

#include "collectors/postgres/facts_parts.hpp"
#include "collectors/postgres/facts_sql.hpp"
#include "collectors/timestamps.hpp"

namespace pgtend::collectors {

std::vector<FactQuery> fact_queries(const ServerShape& shape) {
  std::vector<FactQuery> out;
  const auto add = [&out](std::string name, std::string_view sql) {
    out.push_back({std::move(name), std::string(sql)});
  };
  add("database", facts::kDatabaseSql);
  add("settings", facts::kSettingsSql);
  add("roles", facts::kRolesSql);
  add("tables", facts::kTablesSql);
  add("columns", facts::kColumnsSql);
  add("indexes", facts::kIndexesSql);
  add("index_definitions", facts::kIndexDefinitionsSql);
  add("foreign_keys", facts::kForeignKeysSql);
  add("matviews", facts::kMatviewsSql);
  add("matview_bases", facts::kMatviewBasesSql);
  const auto add_extension = [&](std::string name, std::string_view sql) {
    CollectorDef def;
    def.name = name;
    def.extension = "pg_stat_statements";
    def.sql = sql;
    if (auto query = make_query(def, shape)) add(std::move(name), query->sql);
  };
  // Source: pg_stat_statements_info came with 14.
  if (shape.identity.version_num >= 140000) add_extension("statements_info", facts::kStatementsInfoSql);
  add_extension("statements", facts::kStatementsSql);
  return out;
}

Result<DatabaseFacts> build_facts(const std::map<std::string, RowSet>& answers, const ServerShape& shape,
                                  std::string instance, std::string database, UtcTime now) {
  const RowSet& head = facts::answer(answers, "database");
  if (head.size() != 1)
    return fail(Errc::unavailable, "facts of database " + database + ": the server did not describe it", true);
  DatabaseFacts out;
  out.instance = std::move(instance);
  out.database = std::move(database);
  out.database_oid = static_cast<Oid>(head.integer(0, "oid").value_or(0));
  out.identity = shape.identity;
  out.taken_at = now;
  out.epoch = epoch_hash(shape.identity, head.text(0, "epoch"));
  if (const auto reset = head.get(0, "stats_reset")) out.stats_reset = parse_timestamptz(*reset);
  out.active_backends = head.integer(0, "active_backends").value_or(0);
  out.extensions = shape.extensions;

  const RowSet& statements_info = facts::answer(answers, "statements_info");
  out.statements_epoch =
      statements_info.size() == 1 ? epoch_hash(shape.identity, statements_info.text(0, "reset_time")) : out.epoch;
  out.statements_readable = answers.contains("statements") && head.boolean(0, "reads_all_stats");

  facts::fill_settings(out, answers);
  facts::fill_roles(out, answers);
  facts::fill_tables(out, answers);
  facts::fill_indexes(out, answers);
  facts::fill_matviews(out, answers);
  facts::fill_statements(out, answers);
  return out;
}

}  // namespace pgtend::collectors
