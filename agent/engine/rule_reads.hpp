#pragma once

#include <string>
#include <vector>

#include "agent/engine/rule_set.hpp"
#include "rules/promql/parser.hpp"

// Which way an expression reads its metrics: more series of one can make more results, or fewer.
namespace pgtend::engine {

struct RuleReads {
  std::vector<std::string> shown;   // names whose series the results come from
  std::vector<std::string> denied;  // names whose missing series make results: of absent() and behind `unless`
};

[[nodiscard]] RuleReads reads_of(const promql::Expr& expr);

// Adds to what each rule reads what those are made of that other rules of the set record.
void add_sources(RuleSet& rules);

}  // namespace pgtend::engine
