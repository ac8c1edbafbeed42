#pragma once

#include "agent/change/core.hpp"
#include "agent/change/verify/evidence.hpp"

// Inside agent/change: statements before and after a change, read from history on the blocking pool.
namespace pgtend::change {

// Chooses target and control statements from the time before. Errors: the history's and the ledger's.
net::TaskResult<StatementSets> choose_statements(CorePtr core, ProposedChange plan);

struct Measured {
  Verdict verdict;
  std::string before_json, after_json;
  bool complete = false;  // the whole `after` time has been observed
  bool ends = false;      // it is complete, or harm was found, or there is no more time
  std::string evidence;   // what the verdict was made of, of one that ends the observation
};
// When a change was made, and whether "no effect" is waited out until there is no more time.
struct Observed {
  UtcTime intent, applied;
  bool patient = false;
};
// Compares [before, intent) with [applied + warm-up, now]. Errors: the history's.
net::TaskResult<Measured> measure(CorePtr core, std::string database, StatementSets sets, Observed observed);

}  // namespace pgtend::change
