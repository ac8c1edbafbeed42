#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/model/advice.hpp"

namespace pgtend {

// Names are stored in the ledger: add at the end, never rename.
enum class ChangeState {
  proposed,        // waits for approval or for policy
  approved,        // a person or policy said yes; plan hash frozen
  pre_validated,   // gates passed, evidence_before taken
  applying,        // intent is in the ledger, the statement may be running
  post_validated,  // catalogs say it is there
  observing,       // live control group is being compared
  kept,
  reverting,  // sql_down may be running
  reverted,
  failed,
  needs_restart,
  deferred,  // lock or wait budget spent; tried again in the next window
  lost,      // ledger says applied, the database (restored, failed over) says no
  rejected,
  expired,
};
[[nodiscard]] std::string_view to_string(ChangeState state);
[[nodiscard]] std::optional<ChangeState> parse_change_state(std::string_view name);
// kept, reverted, failed, lost, rejected, expired.
[[nodiscard]] bool is_final(ChangeState state);

enum class VerdictKind { improved, no_effect, regressed, insufficient };
[[nodiscard]] std::string_view to_string(VerdictKind kind);

struct Verdict {
  VerdictKind kind = VerdictKind::insufficient;
  std::optional<UtcTime> before_from, before_to, after_from, after_to;
  int windows_before = 0, windows_after = 0;
  double effect = 0;  // ratio after/before of target against control, minus 1; negative is better
  double p_value = 1;
  std::string test;         // "welch on 10 min blocks of log ratio", "cusum trip", "catalog"
  std::string metric;       // "buffers per call"
  std::string explanation;  // one sentence a person can check
};

// By statistics of statements, not by the catalogs alone.
[[nodiscard]] inline bool is_measured(const Verdict& verdict) {
  return verdict.windows_before > 0 && verdict.windows_after > 0;
}

struct Change {
  std::string id;  // uuid
  std::string recommendation_id;
  ProposedChange plan;
  std::string plan_hash;  // sha-256, hex; approval binds to it
  ChangeState state = ChangeState::proposed;
  Decision decision;
  std::string proposed_by;  // advisor name or "person:NAME"
  std::string approved_by;
  int attempt = 0;
  std::optional<int> backend_pid;
  std::optional<UtcTime> backend_start;
  std::string evidence_before, evidence_after;  // JSON made by change/verify; numbers only
  std::optional<Verdict> verdict;
  std::string last_error;
  UtcTime created_at, updated_at;
  std::optional<UtcTime> applied_at, observe_until, not_before, expires_at;
  // Measured around its statements, attempts and undo summed; WAL is the server's in that time, so at most this.
  // nullopt: nothing was measured, and budgets charge the estimate.
  std::optional<CostEstimate> spent;
};

struct AuditEntry {
  std::int64_t sequence = 0;
  UtcTime at;
  std::string actor;                // "agent", "person:NAME via socket", "token:NAME"
  std::string action;               // "change.apply.intent", "change.apply.result", "policy.decide", "freeze.on", …
  std::string subject;              // change id, recommendation id, …
  std::string before, after;        // states or values; no literals of user data
  std::string result;               // "ok" or the error
  std::string previous_hash, hash;  // sha-256, hex
};

}  // namespace pgtend
