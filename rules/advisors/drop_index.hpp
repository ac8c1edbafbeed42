#pragma once

#include <string>

#include "agent/model/advice.hpp"
#include "agent/model/facts.hpp"

// Inside rules/advisors: what both advisors that drop indexes share.
namespace pgtend::advisors {

// Why an index must stay whatever its use; empty when nothing depends on it. `keeps_support`: another index with the
// same leading columns stays, so a foreign key keeps its lookup. Source: reference tuning.md R7.
[[nodiscard]] std::string must_stay(const IndexFact& index, const DatabaseFacts& facts, bool keeps_support);

[[nodiscard]] std::string qualified(const IndexFact& index);

// DROP INDEX CONCURRENTLY with the CREATE INDEX CONCURRENTLY that takes it back.
[[nodiscard]] Recommendation recommend_drop(std::string_view advisor, const DatabaseFacts& before,
                                            const DatabaseFacts& now, const IndexFact& index, Finding finding);

}  // namespace pgtend::advisors
