#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/model/advice.hpp"
#include "agent/model/facts.hpp"
#include "rules/advisors/window.hpp"
#include "rules/sql/statement.hpp"

// Inside rules/advisors: the statements of the window with their shapes, names resolved against the catalog.
namespace pgtend::advisors {

struct WorkloadStatement {
  StatementDelta delta;
  sql::StatementShape shape;
  std::vector<const TableFact*> tables;  // per shape.relations; null: a view, a catalog, another database's
};

struct Workload {
  std::vector<WorkloadStatement> statements;  // heaviest first
  std::vector<StatementDelta> heavy_without_text;
  std::size_t heavy_utilities = 0;                                 // SET, COPY, DDL: they have no plan
  std::vector<std::pair<StatementDelta, std::string>> unreadable;  // with the parser's error
};

// The table that a name means: by schema, else the only one of that name, else the one in public.
[[nodiscard]] const TableFact* resolve_table(const DatabaseFacts& facts, std::string_view schema,
                                             std::string_view name);

// Parses at most `limit` statements; `min_share` is where "heavy" begins (ratio of execution time).
[[nodiscard]] Workload read_workload(const DatabaseFacts& before, const DatabaseFacts& now, double min_share,
                                     std::size_t limit);

}  // namespace pgtend::advisors
