#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/model/advice.hpp"
#include "agent/model/facts.hpp"

// Inside rules/advisors: what a B-tree will really take. HypoPG's size ignores deduplication and is 1 to 4 times too
// big.
namespace pgtend::advisors {

// Distinct keys of one column, from n_distinct; unknown statistics count as one tenth of the rows.
[[nodiscard]] double distinct_values(const TableFact& table, const std::string& column);
[[nodiscard]] const ColumnFact* find_column(const TableFact& table, const std::string& column);

// Whether equal keys share one posting list. Source: btequalimage of PostgreSQL 13 to 18, measured on 15.
[[nodiscard]] bool can_deduplicate(const std::string& type);

// Bytes of a fresh B-tree on these columns at fill factor 90.
[[nodiscard]] std::int64_t btree_bytes(const TableFact& table, const std::vector<std::string>& columns);

// Of CREATE INDEX CONCURRENTLY on this table.
[[nodiscard]] CostEstimate build_cost(const TableFact& table, std::int64_t index_bytes);

}  // namespace pgtend::advisors
