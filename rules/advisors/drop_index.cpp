#include "rules/advisors/drop_index.hpp"

#include <algorithm>

#include "agent/base/strings.hpp"
#include "rules/advisors/compose.hpp"
#include "rules/advisors/index_size.hpp"
#include "rules/advisors/window.hpp"

namespace pgtend::advisors {

namespace {

// "CREATE INDEX x ON" -> "CREATE INDEX CONCURRENTLY x ON"; empty when the definition is none.
std::string concurrently(const std::string& definition) {
  for (const std::string_view head : {"CREATE UNIQUE INDEX ", "CREATE INDEX "})
    if (definition.starts_with(head)) return std::string(head) + "CONCURRENTLY " + definition.substr(head.size());
  return {};
}

}  // namespace

std::string must_stay(const IndexFact& index, const DatabaseFacts& facts, bool keeps_support) {
  if (index.is_primary) return "it is the primary key";
  if (index.is_exclusion) return "it enforces an exclusion constraint";
  if (index.backs_constraint) return "it backs a constraint";
  if (index.is_unique) return "it enforces uniqueness";
  if (index.is_replica_identity) return "it is the table's replica identity";
  if (index.is_clustered) return "the table is clustered on it";
  if (index.is_partition_child) return "it belongs to an index of the partitioned parent";
  if (index.extension_owned) return "it belongs to an extension";
  if (index.supports_foreign_key && !keeps_support)
    return "its leading columns are a foreign key: deletes in the parent table look it up";
  const TableFact* table = facts.table(index.table_oid);
  if (table == nullptr) return "its table was not readable";
  if (table->extension_owned) return "its table belongs to an extension";
  if (table->relkind == 'p') return "an index of a partitioned table cannot be dropped CONCURRENTLY";
  if (concurrently(index.definition).empty()) return "its definition was not readable, so there would be no way back";
  return {};
}

std::string qualified(const IndexFact& index) {
  return index.schema + "." + index.name;
}

Recommendation recommend_drop(std::string_view advisor, const DatabaseFacts& before, const DatabaseFacts& now,
                              const IndexFact& index, Finding finding) {
  const TableFact& table = *now.table(index.table_oid);
  auto out = start_recommendation(advisor, now, std::move(finding), table.qualified(), "drop " + qualified(index));
  auto& change = out.change;
  change.action = ActionClass::drop_index;
  change.kind = ChangeKind::index;
  change.run_as_role = table.owner;
  change.sql_up = {"DROP INDEX CONCURRENTLY " + quote_qualified(index.schema, index.name)};
  change.sql_down = {concurrently(index.definition)};
  IndexChange detail;
  detail.schema = index.schema;
  detail.index = index.name;
  detail.table = table.name;
  detail.key_columns = index.key_columns;
  detail.include_columns = index.include_columns;
  detail.method = index.method;
  detail.is_drop = true;
  detail.definition = index.definition;
  change.detail = std::move(detail);
  change.lock = LockLevel::share_update_exclusive;
  change.cost.seconds = 1;
  change.target_tables = {table.qualified()};
  const TableDelta delta = table_delta(before, now, table);
  const double minutes = std::max(1.0 / 60, window_seconds(before, now) / 60);
  const double writes = (delta.inserted + std::max(0.0, delta.updated - delta.hot)) / minutes;
  out.effect.metric = "index entries written";
  out.effect.unit = "1/min";
  out.effect.before = writes;
  out.effect.after = out.effect.low = out.effect.high = 0;
  out.effect.basis = "rule";
  // A standby's scans and a yearly job are not in these statistics.
  out.risk = Risk::medium;
  char back[96];
  std::snprintf(back, sizeof back, "building it again would take about %.0f s", build_cost(table, index.bytes).seconds);
  out.refused.push_back({"DROP INDEX without CONCURRENTLY", "it would block reads and writes of the table"});
  out.finding.evidence.push_back({"time to build it again", build_cost(table, index.bytes).seconds, "seconds", back});
  return out;
}

}  // namespace pgtend::advisors
