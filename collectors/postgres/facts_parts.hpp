#pragma once

#include <map>
#include <string>

#include "agent/model/facts.hpp"
#include "agent/model/rows.hpp"

// One function per part of DatabaseFacts; each reads the answer of one or two statements of facts_sql.hpp.
namespace pgtend::collectors::facts {

using Answers = std::map<std::string, RowSet>;

// The answer under `name`, an empty one when its statement was not run or failed.
[[nodiscard]] const RowSet& answer(const Answers& answers, const std::string& name);

void fill_tables(DatabaseFacts& facts, const Answers& answers);
// After fill_tables(), whose owners it takes.
void fill_partitions(DatabaseFacts& facts, const Answers& answers);
void fill_indexes(DatabaseFacts& facts, const Answers& answers);
void fill_matviews(DatabaseFacts& facts, const Answers& answers);
void fill_statements(DatabaseFacts& facts, const Answers& answers);
void fill_settings(DatabaseFacts& facts, const Answers& answers);
void fill_roles(DatabaseFacts& facts, const Answers& answers);

}  // namespace pgtend::collectors::facts
