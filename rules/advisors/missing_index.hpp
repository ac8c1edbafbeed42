#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/model/advice.hpp"
#include "agent/model/facts.hpp"
#include "rules/advisors/options.hpp"

// The index advisor asks, somebody with a connection answers, and it decides: no I/O here.
namespace pgtend::advisors {

struct IndexCandidate {
  Oid table_oid = 0;
  std::string schema, table, owner;
  std::vector<std::string> columns;  // one or two
  std::vector<bool> descending;      // as long as columns
  std::set<std::int64_t> wanted_by;  // query ids
  std::string reason;                // "equality on customer_id, then order by created_at with LIMIT"
  bool by_range = false;             // a range or LIMIT drives it: generic plans guess its selectivity
};

// One statement to be priced: alone, and once with each hypothetical index.
struct WhatIfQuestion {
  std::int64_t query_id = 0;
  std::string text;  // repaired, one statement, $n parameters
  int parameters = 0;
  std::vector<std::string> hypothetical;  // CREATE INDEX texts for hypopg_create_index
  bool is_dml = false;
  std::vector<std::string> search_path;  // schemas under which the text resolves as the advisor resolved it
  std::vector<std::size_t> candidates;   // hypothetical[i] is IndexQuestions::candidates[candidates[i]]
};

struct WhatIfAnswer {
  std::int64_t query_id = 0;
  double cost_before = 0;           // planner cost units
  std::vector<double> cost_with;    // as long as the question's hypothetical
  std::vector<bool> used;           // the plan used the index
  std::vector<std::int64_t> bytes;  // HypoPG's own estimate; never budgeted with
  std::string error;                // not empty: the statement could not be explained, all else is void
};

// What the parse trees say about writes to one table, in the window.
struct TableWrites {
  std::map<std::string, double> assigned_rows;  // column -> rows of the UPDATEs that assign it
  std::set<std::int64_t> statements;            // query ids that read or write the table
};

struct IndexQuestions {
  std::vector<IndexCandidate> candidates;
  std::vector<WhatIfQuestion> questions;  // empty without HypoPG
  std::vector<RefusedAlternative> refused;
  std::vector<Finding> findings;  // statements that cannot be analysed, with the parser's error
  std::map<Oid, TableWrites> writes;
  bool hypopg = false;
};

// Candidates from the parse trees of the heaviest statements of the window between two readings, and what to ask.
// Parses up to some hundred statements (about 0.1 ms each): run it on the blocking pool.
[[nodiscard]] IndexQuestions index_questions(const DatabaseFacts& before, const DatabaseFacts& now,
                                             const AdvisorOptions& options);

// Chooses by saving × calls less write penalty, per real byte. Without answers (no HypoPG) it falls back on statistics
// and says so in EffectEstimate::basis.
[[nodiscard]] Advice missing_index(const DatabaseFacts& before, const DatabaseFacts& now,
                                   const IndexQuestions& questions, const std::vector<WhatIfAnswer>& answers,
                                   const AdvisorOptions& options);

}  // namespace pgtend::advisors
