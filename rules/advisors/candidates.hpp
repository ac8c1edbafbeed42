#pragma once

#include <string>
#include <vector>

#include "agent/model/facts.hpp"
#include "rules/advisors/missing_index.hpp"
#include "rules/advisors/workload.hpp"

// Inside rules/advisors: which single and two-column B-trees a statement could use.
namespace pgtend::advisors {

// Candidates of one statement over tables large enough, without those that existing indexes answer; why the others were
// left out goes to `refused`.
[[nodiscard]] std::vector<IndexCandidate> statement_candidates(const WorkloadStatement& statement,
                                                               const DatabaseFacts& facts,
                                                               const AdvisorOptions& options,
                                                               std::vector<RefusedAlternative>& refused);

// "public.orders (customer_id, created_at DESC)", for people.
[[nodiscard]] std::string describe(const IndexCandidate& candidate);
// CREATE INDEX without CONCURRENTLY; without a name when `name` is empty.
[[nodiscard]] std::string create_index_sql(const IndexCandidate& candidate, const std::string& name, bool concurrently);
// Same table, columns and directions.
[[nodiscard]] bool same_index(const IndexCandidate& a, const IndexCandidate& b);

}  // namespace pgtend::advisors
