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
  add("partitions", facts::kPartitionsSql);
  add("stray_keys", facts::kStrayKeysSql);
  add("foreign_keys", facts::kForeignKeysSql);
  add("indexes", facts::kIndexesSql);
  add("index_definitions", facts::kIndexDefinitionsSql);
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

FactsBuilder::FactsBuilder(ServerShape shape, std::string instance, std::string database, UtcTime now)
    : shape_(std::move(shape)) {
  facts_.instance = std::move(instance);
  facts_.database = std::move(database);
  facts_.taken_at = now;
}

void FactsBuilder::describe(const RowSet& head) {
  if (head.size() != 1) return;
  described_ = true;
  facts_.database_oid = static_cast<Oid>(head.integer(0, "oid").value_or(0));
  facts_.identity = shape_.identity;
  facts_.epoch = facts_.statements_epoch = epoch_hash(shape_.identity, head.text(0, "epoch"));
  if (const auto reset = head.get(0, "stats_reset")) facts_.stats_reset = parse_timestamptz(*reset);
  facts_.active_backends = head.integer(0, "active_backends").value_or(0);
  facts_.extensions = shape_.extensions;
  reads_all_stats_ = head.boolean(0, "reads_all_stats");
}

void FactsBuilder::add(const std::string& name, std::optional<RowSet> answer) {
  const bool answered = answer.has_value();
  RowSet rows = answered ? std::move(*answer) : RowSet();
  if (name == "database") {
    describe(rows);
  } else if (name == "settings") {
    facts::add_settings(facts_, rows);
  } else if (name == "roles") {
    facts::add_roles(facts_, rows);
  } else if (name == "tables") {
    places_ = facts::add_tables(facts_, std::move(rows));
  } else if (name == "columns") {
    facts::add_columns(facts_, std::move(rows), places_);
    facts::add_up_partitions(facts_, places_);
  } else if (name == "partitions") {
    facts::add_partitions(facts_, rows);
  } else if (name == "stray_keys") {
    facts::add_stray_keys(facts_, rows);
  } else if (name == "foreign_keys") {
    foreign_keys_ = facts::foreign_keys(rows);
  } else if (name == "indexes") {
    places_ = facts::add_indexes(facts_, std::move(rows), foreign_keys_);
  } else if (name == "index_definitions") {
    facts::add_definitions(facts_, std::move(rows), places_);
  } else if (name == "matviews") {
    places_ = facts::add_matviews(facts_, rows);
  } else if (name == "matview_bases") {
    facts::add_matview_bases(facts_, rows, places_);
  } else if (name == "statements_info" && rows.size() == 1) {
    facts_.statements_epoch = epoch_hash(shape_.identity, rows.text(0, "reset_time"));
  } else if (name == "statements") {
    facts_.statements_readable = answered && reads_all_stats_;
    facts::add_statements(facts_, std::move(rows));
  }
}

Result<DatabaseFacts> FactsBuilder::finish() {
  if (!described_)
    return fail(Errc::unavailable, "facts of database " + facts_.database + ": the server did not describe it", true);
  return std::move(facts_);
}

}  // namespace pgtend::collectors
