#pragma once

#include <optional>
#include <string>

#include "agent/model/policy_report.hpp"
#include "agent/net/task.hpp"

namespace pgtend::api {

// A policy other than the loaded one: the section `policy` of a configuration file.
struct PolicyText {
  std::string file, text;  // an empty text: the loaded policy
};

// Which change policy is asked about: one that is known, a whole plan, or a class with its object.
struct PolicyQuestion {
  std::string id;                      // of a recommendation or a change; empty: none
  std::optional<ProposedChange> plan;  // else this
  std::optional<ActionClass> action;   // else a change of this class
  std::string database, object;
  CostEstimate cost;
  Risk risk = Risk::low;  // of a plan or a class
  PolicyText policy;
};

// What people ask of policy, and of what came of it; part of AgentView. Every method may answer unavailable. Nothing is
// changed by any of them. REQUIRES: I/O thread; the object outlives the server.
class PolicyView {
 public:
  virtual ~PolicyView() = default;

  // The policy as it binds now.
  virtual net::TaskResult<PolicyReport> policy_report();
  // Errors: not_found (no such recommendation or change), conflict (an ambiguous prefix), parse (the policy file; each
  // error with its place).
  virtual net::TaskResult<PolicySimulation> simulate_policy(PolicyQuestion question);
  // What was proposed within `since` back from now, as this policy would have treated it. Errors: parse.
  virtual net::TaskResult<PolicyBacktest> backtest_policy(PolicyText policy, Millis since);
  // A change as a file that proves itself, JSON; `pgtend proof verify` checks it. Errors: not_found, conflict (an
  // ambiguous prefix), resource_exhausted (too many audit rows).
  virtual net::TaskResult<std::string> change_proof(std::string id);
};

}  // namespace pgtend::api
