#pragma once

#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/model/facts.hpp"
#include "agent/model/rows.hpp"

// One function per statement of facts_sql.hpp. What may have a row for each table or index of a database is taken apart
// as it is read.
namespace pgtend::collectors::facts {

// By oid: the place of what a statement gave.
using Places = std::unordered_map<Oid, std::size_t>;
// By table: the columns of each foreign key, as numbers.
using ForeignKeys = std::unordered_map<Oid, std::vector<std::set<std::string>>>;

void add_settings(DatabaseFacts& facts, const RowSet& rows);
void add_roles(DatabaseFacts& facts, const RowSet& rows);
[[nodiscard]] Places add_tables(DatabaseFacts& facts, RowSet rows);
void add_columns(DatabaseFacts& facts, RowSet rows, const Places& place);
// The server counts for each partition and leaves their parent at zero.
void add_up_partitions(DatabaseFacts& facts, const Places& place);
// After the tables, whose owners it takes.
void add_partitions(DatabaseFacts& facts, const RowSet& rows);
void add_stray_keys(DatabaseFacts& facts, const RowSet& rows);
[[nodiscard]] ForeignKeys foreign_keys(const RowSet& rows);
[[nodiscard]] Places add_indexes(DatabaseFacts& facts, RowSet rows, const ForeignKeys& references);
// After the indexes, whose signatures it completes.
void add_definitions(DatabaseFacts& facts, RowSet rows, const Places& place);
[[nodiscard]] Places add_matviews(DatabaseFacts& facts, const RowSet& rows);
void add_matview_bases(DatabaseFacts& facts, const RowSet& rows, const Places& place);
void add_statements(DatabaseFacts& facts, RowSet rows);

}  // namespace pgtend::collectors::facts
