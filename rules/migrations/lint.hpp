#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model/advice.hpp"

// What a migration would do to a server in use: which statement blocks whom and for how long, and its safe form.
namespace pgtend::migrations {

inline constexpr int kOldestServer = 10, kNewestServer = 18;

struct RuleInfo {
  std::string_view name;
  Severity severity = Severity::warning;  // critical: blocks for as long as a table is large, fails, or loses data
  LockLevel lock = LockLevel::none;       // that the statement takes
  std::string_view causes;                // one sentence: what happens, whom it blocks and for how long
  std::string_view example;               // a script that breaks the rule
  bool forward_only = false;  // says nothing of the way back, which exists to drop what the way forward made
};

// Every rule, in the order of docs/migration-lint.md.
[[nodiscard]] const std::vector<RuleInfo>& rules();
// nullptr when there is none of that name.
[[nodiscard]] const RuleInfo* find_rule(std::string_view name);

struct LintOptions {
  int server_version = 13;  // major, kOldestServer to kNewestServer; the oldest that the script must be safe on
};

struct MigrationFinding {
  std::string rule;
  Severity severity = Severity::warning;
  int line = 1, column = 1;  // from 1; the column in bytes
  LockLevel lock = LockLevel::none;
  std::string subject;  // what the statement does, with the object's name
  std::string causes;
  std::string safe;  // a script that does the same safely and lints clean
};

// Looks through one script. `file`: its name, which tells a script of the way back (x.down.sql, U1__x.sql,
// revert/x.sql) and one of pgtend's own (V1__x.sql). In the order of the lines; what a comment `lint: allow RULE:
// reason` allows is left out. Never fails: what cannot be parsed is a finding. REQUIRES: options.server_version within
// its range.
[[nodiscard]] std::vector<MigrationFinding> lint(std::string_view text, const LintOptions& options,
                                                 std::string_view file = {});

}  // namespace pgtend::migrations
