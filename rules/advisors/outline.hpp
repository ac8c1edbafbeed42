#pragma once

#include "agent/model/facts.hpp"

namespace pgtend::advisors {

// What stays of a reading until the next ones are compared with it: counters by oid and query id, texts of statements,
// names of tables, values of settings. The rest of 2,000 tables and 4,000 indexes, half of their memory, serves only
// advice on the reading itself.
[[nodiscard]] DatabaseFacts outline(const DatabaseFacts& facts);

}  // namespace pgtend::advisors
