#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/model/advice.hpp"
#include "agent/model/alert.hpp"
#include "agent/model/change.hpp"
#include "agent/model/series.hpp"
#include "agent/model/snapshot.hpp"

// What the API shows beyond the model's own types; each field is a JSON field of the same name.
namespace pgtend::api {

struct LaneView {
  std::string name;  // probe, sample, advise, act
  bool up = false;
  bool direct = true;   // false: through a pooler, where pgtend never acts
  std::string breaker;  // closed, open, half_open
  std::string last_error;
  std::uint64_t reconnects = 0;
};

struct CapabilityView {
  std::string name;  // "pg_monitor", "pg_stat_statements", "hypopg"
  bool present = false;
  std::string effect;         // what is lost without it
  std::string cure;           // the statement that gives it
  std::string database = {};  // where to run it; empty: anywhere
};

struct CollectorView {
  std::string name, database;
  std::string status;  // CollectStatus name
  std::string detail;
  std::optional<UtcTime> last_success;
  Millis last_duration{0};  // JSON: last_duration_ms
  Millis interval{0};       // JSON: interval_seconds
  std::size_t series = 0;
  bool stale = false;
};

struct CostView {
  double agent_cpu_ratio = 0;    // of one core, over the last minutes
  double backend_cpu_ratio = 0;  // of its own PostgreSQL backends
  std::int64_t rss_bytes = 0;
  std::uint64_t queries_total = 0;
  std::size_t series = 0;
  bool over_budget = false;
  double slowdown = 1;          // factor on the intervals of classes B and C
  double budget_cpu_ratio = 0;  // of one core, the agent and its backends together
  std::int64_t budget_rss_bytes = 0;
};

struct HistoryView {
  std::int64_t bytes = 0;
  std::uint64_t samples = 0;
  std::size_t series = 0;
  std::uint64_t dropped = 0;  // snapshots refused by the full queue
  std::string trouble;        // why it is in memory only; empty: it is written
};

struct LedgerView {
  bool writable = false;
  std::int64_t audit_rows = 0;
};

struct FreezeView {
  bool frozen = false;
  std::string by, reason;
  std::optional<UtcTime> since;
};

struct AlertCounts {
  std::size_t firing = 0, pending = 0;
};

struct ChangeCounts {
  std::size_t open = 0;
};

struct ConfigView {
  std::vector<std::string> files;
  std::string hash;
  UtcTime loaded_at;
  std::vector<std::string> restart_needed;  // keys that the files changed and a restart puts into effect
  std::vector<std::string> not_loaded;      // what is wrong with files that fail alone: the user's collectors
  std::string reload_error;                 // why the last reload kept the old configuration; empty: it did not
};

struct StatusView {
  std::string version, instance;
  UtcTime started_at;
  std::string state = "ok";  // ok, degraded
  std::string reason;        // why it is degraded
  ServerIdentity server;
  std::vector<LaneView> lanes;
  std::vector<CapabilityView> capabilities;
  std::vector<CollectorView> collectors;
  CostView cost;
  HistoryView history;
  LedgerView ledger;
  FreezeView freeze;
  AlertCounts alerts;
  ChangeCounts changes;
  ConfigView config;
};

// A recommendation with what policy says of it now and the hash that an approval must name.
struct RecommendationView {
  Recommendation recommendation;
  Decision decision;
  std::string plan_hash;     // sha-256, hex, of recommendation.change
  std::string change_id;     // of the open change made from it; empty: none
  std::string change_state;  // of that change
  std::string state = "open";
  std::string reason;       // why it is no longer open; JSON: state_reason
  std::string answered_by;  // the last change made from it that has ended; empty: none
};

// A change with what it waits for now.
struct ChangeView {
  Change change;
  std::string waits;  // in words; empty: for nothing
};

// The last run of the advisors over one database: "nothing to do" has reasons too.
struct AdviceLook {
  std::string database;
  UtcTime at;
  std::string error;  // why nothing was looked at; empty: it was
  std::vector<RefusedAlternative> refused;
};

struct ChangeProgress {
  std::string phase;  // "building index: scanning table", "waiting", "observing", …
  double ratio = 0;   // 0..1 of the statements that change the server; falls only when an undo begins
  std::int64_t done = 0, total = 0;
  std::string unit;  // blocks, tuples, lockers
  std::optional<int> waiting_for_pid;
  std::optional<UtcTime> eta;
};

struct AuditVerification {
  bool ok = false;
  std::int64_t rows = 0;
  std::optional<std::int64_t> first_bad;  // sequence
  std::string reason;
};

struct SeriesResult {
  Labels labels;  // with __name__ where the result has a name
  std::vector<Sample> samples;
};

struct QueryResult {
  std::string type = "vector";  // scalar, string, vector, matrix
  std::vector<SeriesResult> series;
  std::string text;  // of type string
  std::vector<std::string> warnings;
};

// A rule file as a person sends it.
struct RuleText {
  std::string file, text;
};

struct BacktestRequest {
  std::vector<RuleText> files;    // empty: the loaded rules
  std::vector<RuleText> against;  // an earlier version; empty: none
  Millis since{0};                // back from now
  Millis step{0};                 // 0: each group's interval
  std::string rule;               // empty: every alert
  bool sweep = true;
  std::size_t first = 0;  // of the alert names, as BacktestReport::next said
};

struct RuleView {
  Rule rule;
  std::string query;   // canonical
  std::string health;  // unknown (not evaluated yet), ok, err
  std::string last_error;
  std::vector<Alert> alerts;
  std::chrono::nanoseconds evaluation_time{0};  // of the last evaluation
};

struct RuleGroupView {
  std::string name, file;
  Millis interval{0};
  int limit = 0;
  std::optional<UtcTime> last_evaluation;       // nullopt: not since the rules were loaded
  std::chrono::nanoseconds evaluation_time{0};  // waits included
  std::vector<RuleView> rules;
};

}  // namespace pgtend::api
