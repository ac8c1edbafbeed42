#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/model/advice.hpp"
#include "agent/model/change.hpp"
#include "agent/model/snapshot.hpp"

namespace pgtend {

// Written in policy files as recommend, approve, auto, never.
enum class PolicyMode { never, recommend, approve, automatic };
[[nodiscard]] std::string_view to_string(PolicyMode mode);
[[nodiscard]] std::optional<PolicyMode> parse_policy_mode(std::string_view name);

// A weekly window in one time zone. An end before the start runs past midnight.
struct PolicyWindow {
  std::string name;
  std::string time_zone = "UTC";         // IANA name
  std::vector<int> days;                 // 0 = Sunday … 6; empty: every day (the day on which the window starts)
  int start_minute = 0, end_minute = 0;  // minutes after local midnight, 0..1440; equal: all day
};

// Spent per window occurrence (or per UTC day when a rule has no window).
struct PolicyBudget {
  std::optional<int> changes;
  std::optional<std::int64_t> bytes;
  std::optional<double> seconds;
  std::optional<std::int64_t> wal_bytes = {};  // of the server while the statements ran
  std::optional<Millis> replica_lag = {};      // no sum but a ceiling: a standby further behind holds the change back
};

// How often a class must have been right before policy's `auto` counts for it.
struct PolicyTrust {
  int verdicts = 10;       // needed; 0: `auto` counts at once
  double precision = 0.8;  // ratio; lower bound of what share of them was right
};

// The first rule whose actions, database and object all match decides.
struct PolicyRule {
  std::string name;
  std::vector<ActionClass> actions;  // empty: all
  std::string database = "*";        // glob
  std::string object = "*";          // glob over ProposedChange::object
  PolicyMode mode = PolicyMode::recommend;
  std::string window;  // name; empty: any time
  PolicyBudget budget;
  Millis cool_down{0};  // per object, after any finished change
  std::string file;
  int line = 0;
};

// How long partitions are kept. Older ones are proposed to be detached; nothing is detached without one of these.
struct PolicyRetention {
  std::string table;           // glob over "schema.table", the partitioned one
  std::string database = "*";  // glob
  Millis keep{0};              // after the end of the partition's range
};

struct PolicyConfig {
  std::vector<PolicyRule> rules;  // before the defaults below
  std::map<ActionClass, PolicyMode>
      defaults;  // create_index approve, drop_index recommend, refresh and analyze auto, …
  std::vector<PolicyWindow> windows;
  PolicyBudget default_budget;
  Millis cool_down{0};
  Millis cool_down_after_undo{Millis(7LL * 24 * 3600 * 1000)};  // doubles with each undo of the object
  Millis approval_ttl{Millis(7LL * 24 * 3600 * 1000)};
  PolicyTrust trust;
  std::vector<PolicyRetention> retention;  // the first that matches decides
  bool frozen = false;
};

// What became of the predictions of one class: its changes that got a verdict.
struct TrackRecord {
  int verdicts = 0;  // of changes that were kept or undone; "insufficient" is none
  int right = 0;     // kept, and it helped; of a drop: and nothing got worse
  int undone = 0;    // by pgtend or a person
  // Median distance of the measured effect from the predicted one, as a ratio; nullopt: nothing was predicted.
  std::optional<double> median_error;
};
// Adds the verdict of a change of this class that was kept or, by whoever, undone.
void count_verdict(TrackRecord& record, ActionClass action, VerdictKind verdict, bool undone);

// What has happened so far, as the ledger knows it: all the policy may look at besides the recommendation.
struct PolicyPast {
  struct Entry {
    ActionClass action = ActionClass::analyze;
    std::string database, object, rule;
    UtcTime at;  // finished or started
    bool undone = false;
    CostEstimate spent;
  };
  std::vector<Entry> changes;          // newest last
  std::vector<std::string> in_flight;  // databases with a change between approved and its verdict
  bool frozen = false;                 // switch by file, API or CLI
  std::string frozen_by;
  ServerRole role = ServerRole::primary;
  bool ledger_writable = true;  // without it pgtend only recommends
  std::map<ActionClass, TrackRecord> records;
  std::optional<Millis> replica_lag;  // of the standby that is furthest behind; nullopt: not looked at
};

}  // namespace pgtend
