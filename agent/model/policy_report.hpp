#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/model/advice.hpp"
#include "agent/model/change.hpp"
#include "agent/model/policy.hpp"

// What policy says of itself: its effective form, of one change, and of the past.
namespace pgtend {

struct WindowReport {
  PolicyWindow window;
  std::optional<UtcTime> closes_at;     // nullopt: it is closed
  std::optional<UtcTime> next_opening;  // nullopt: none within five weeks, or the time zone is unknown
};

// What one budget has let through in its period.
struct BudgetReport {
  PolicyBudget budget;
  int changes = 0;
  CostEstimate spent;
  std::optional<UtcTime> from, next;  // the period, and the start of the next; no period: its window is closed
};

struct RuleReport {
  PolicyRule rule;
  std::optional<BudgetReport> budget;  // of mode auto
};

struct ClassReport {
  ActionClass action = ActionClass::analyze;
  PolicyMode mode = PolicyMode::recommend;  // where no rule matches
  std::optional<BudgetReport> budget;       // of mode auto
  bool needs_record = false;                // auto counts for it only with a record
  TrackRecord record;
  double precision_low = 0;  // lower bound (Wilson, one-sided 90 %) of the share that was right
  std::string held_back;     // why auto does not count for it now; empty: it does
};

// An object that rests.
struct CoolDownReport {
  std::string limit;  // "cool_down", "cool_down after undo"
  ActionClass action = ActionClass::analyze;
  std::string database, object, reason;
  UtcTime until;
};

struct PolicyReport {
  bool frozen = false;
  std::string frozen_by;
  ServerRole role = ServerRole::unknown;
  bool ledger_writable = true;
  PolicyTrust trust;
  std::vector<RuleReport> rules;
  std::vector<ClassReport> classes;
  std::vector<WindowReport> windows;
  std::vector<CoolDownReport> cool_downs;  // that run now, the first to end first
  std::vector<std::string> in_flight;      // databases; empty: the whole instance
};

// One limit as it stands for one change now.
struct LimitReport {
  std::string limit;
  bool holds = true;   // the change may pass it
  std::string reason;  // why it may not; empty otherwise
  std::optional<UtcTime> until;
};

struct PolicySimulation {
  ProposedChange change;
  Risk risk = Risk::low;
  UtcTime at;
  PolicyMode mode = PolicyMode::recommend;
  std::string rule;  // empty: the default of its class
  Decision decision;
  std::vector<LimitReport> limits;      // that bind a change of this mode, in the order in which they are asked
  std::optional<UtcTime> could_run_at;  // by itself, if nothing else happens until then; nullopt: it could not
};

// What is known of something that was once proposed.
struct PastProposal {
  std::string id;  // of the change, or of the recommendation that no change was made from
  ProposedChange change;
  Risk risk = Risk::medium;
  UtcTime opened_at;
  std::optional<UtcTime> closed_at;    // nullopt: it is still open
  std::string became;                  // "kept", "reverted", "open", …
  std::optional<VerdictKind> verdict;  // measured
  std::optional<UtcTime> verdict_at;   // when it was kept or undone
  bool undone = false;                 // by pgtend or a person
  std::optional<CostEstimate> spent;   // measured
};

struct PolicyBacktestRow {
  PastProposal past;
  Decision decision;              // the last that policy gave within its time
  std::string rule;               // that decided; empty: the default of its class
  std::optional<UtcTime> ran_at;  // it would have run by itself then
  CostEstimate cost;              // measured where it is known, else estimated
};

struct PolicyBacktestClass {
  ActionClass action = ActionClass::analyze;
  int proposed = 0, ran = 0, asked = 0, recommended = 0, refused = 0;
  int waited = 0;  // until it was over: a window, a budget or a cool-down never let it run
  int undone = 0;  // of those that would have run: undone in truth
  CostEstimate cost;
};

struct PolicyBacktest {
  UtcTime from, to;
  std::vector<PolicyBacktestRow> rows;       // in the order in which they were proposed
  std::vector<PolicyBacktestClass> classes;  // of those that something was proposed for
  int undone = 0;                            // would have run by itself and was undone in truth
};

}  // namespace pgtend
