#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/model/facts.hpp"
#include "agent/model/rows.hpp"
#include "collectors/query.hpp"

// Typed facts about one database, for the advisors and checks; read on the advise lane, under lock_timeout.
namespace pgtend::collectors {

struct FactQuery {
  std::string name;
  std::string sql;  // no parameters
};

// The statements to run, in order; each is answered under its name. One that fails (a missing right, a lock) is left
// out of the answers and costs only its own part.
[[nodiscard]] std::vector<FactQuery> fact_queries(const ServerShape& shape);

// Builds the facts from the answers by name. `ram_bytes` is the host's and stays 0 here.
// Errors: unavailable, retryable, when the answer "database" is missing (nothing can be compared without it).
[[nodiscard]] Result<DatabaseFacts> build_facts(const std::map<std::string, RowSet>& answers, const ServerShape& shape,
                                                std::string instance, std::string database, UtcTime now);

}  // namespace pgtend::collectors
