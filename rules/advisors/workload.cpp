#include "rules/advisors/workload.hpp"

#include <utility>

namespace pgtend::advisors {

const TableFact* resolve_table(const DatabaseFacts& facts, std::string_view schema, std::string_view name) {
  if (!schema.empty()) return facts.table(schema, name);
  const TableFact* only = nullptr;
  bool several = false;
  for (const auto& table : facts.tables) {
    if (table.name != name) continue;
    several = only != nullptr;
    if (several) break;
    only = &table;
  }
  return several ? facts.table("public", name) : only;
}

Workload read_workload(const DatabaseFacts& before, const DatabaseFacts& now, double min_share, std::size_t limit) {
  Workload out;
  const sql::HasColumn has_column = [&](std::string_view schema, std::string_view name, std::string_view column) {
    const TableFact* table = resolve_table(now, schema, name);
    if (table == nullptr) return false;
    for (const auto& fact : table->columns)
      if (fact.name == column) return true;
    return false;
  };
  for (auto& delta : statement_deltas(before, now)) {
    if (delta.text.empty()) {
      if (delta.share >= min_share) out.heavy_without_text.push_back(std::move(delta));
      continue;
    }
    if (out.statements.size() >= limit) break;
    // Only the first words of their texts are kept, which no parser reads.
    if (!sql::has_plan(delta.text)) {
      if (delta.share >= min_share) ++out.heavy_utilities;
      continue;
    }
    auto shape = sql::analyse(delta.text, has_column);
    if (!shape) {
      if (delta.share >= min_share) out.unreadable.emplace_back(std::move(delta), shape.error().message);
      continue;
    }
    WorkloadStatement statement;
    statement.delta = std::move(delta);
    statement.shape = std::move(*shape);
    for (const auto& relation : statement.shape.relations)
      statement.tables.push_back(resolve_table(now, relation.schema, relation.table));
    out.statements.push_back(std::move(statement));
  }
  return out;
}

}  // namespace pgtend::advisors
