#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/base/clock.hpp"

// Finding -> Recommendation -> Decision. Enumerators are serialised by name in the ledger, the API and policy files.
namespace pgtend {

enum class Severity { info, warning, critical };
[[nodiscard]] std::string_view to_string(Severity severity);

// A number with its unit, as shown to a person ("calls per minute", 1240, "1/min").
struct Evidence {
  std::string name;
  double value = 0;
  std::string unit;    // seconds, bytes, ratio, calls, blocks, rows, …
  std::string detail;  // where it was read, or text evidence; never literal user data
};

struct Finding {
  std::string id;     // stable: hash of (check, database, subject)
  std::string check;  // missing_index, duplicate_index, …
  std::string instance, database;
  std::string subject;  // "public.orders", "role app"
  Severity severity = Severity::info;
  std::string summary;  // one sentence
  std::vector<Evidence> evidence;
  UtcTime seen_at;
};

// The classes a policy rule is written for.
enum class ActionClass {
  create_index,
  drop_index,
  reindex,
  refresh_matview,
  analyze,
  vacuum,
  table_setting,     // storage parameters
  role_setting,      // ALTER ROLE … SET
  system_setting,    // ALTER SYSTEM, takes effect on reload
  restart_setting,   // ALTER SYSTEM, needs a restart
  database_setting,  // ALTER DATABASE … SET
  column_setting,    // the statistics target of a column
  create_statistics,
  drop_statistics,
  cancel_session,
  terminate_session,
  row_security,  // policies of a table, and whether they are in force
  create_partition,
  detach_partition,
  drop_partition,
  drain_default,      // rows of a DEFAULT partition moved into partitions of their own
  pgbouncer_setting,  // of pgbouncer.ini
};
[[nodiscard]] std::string_view to_string(ActionClass action);
[[nodiscard]] std::optional<ActionClass> parse_action_class(std::string_view name);
[[nodiscard]] const std::vector<ActionClass>& all_action_classes();
// What ends somebody's work, decides who sees which rows or takes rows away: a person approves each one.
[[nodiscard]] bool is_for_people(ActionClass action);

enum class ChangeKind { index, refresh, maintenance, setting, statistics, session, row_security, partition, pgbouncer };
[[nodiscard]] std::string_view to_string(ChangeKind kind);
[[nodiscard]] std::optional<ChangeKind> parse_change_kind(std::string_view name);

enum class LockLevel { none, share_update_exclusive, share, share_row_exclusive, exclusive, access_exclusive };
[[nodiscard]] std::string_view to_string(LockLevel lock);

// What each kind needs to know beyond its SQL.
struct IndexChange {
  std::string schema, index, table;
  std::vector<std::string> key_columns, include_columns;
  std::string method = "btree";
  bool is_drop = false;
  std::string definition;  // CREATE INDEX text without CONCURRENTLY; the way back of a drop
  // Of a drop: the index of the same table that serves its searches from then on, and must be there for it; may be
  // empty.
  std::string served_by = {};
  // On a partitioned table: built on each partition and attached.
  bool on_partitions = false;
};
struct RefreshChange {
  std::string schema, matview;
  bool concurrently = false;
};
struct MaintenanceChange {
  std::string schema, table;
  bool vacuum = false, analyze = true;
};
struct SettingChange {
  std::string name, value, unit;
  std::string role;                     // empty: ALTER SYSTEM
  std::string schema, table;            // set for a storage parameter
  std::optional<std::string> previous;  // nullopt: was not set at that scope, so undo is RESET
  std::string database = {};            // set for ALTER DATABASE
  std::string column = {};              // set, with schema and table, for the statistics target of a column
};
struct StatisticsChange {
  std::string schema, name, table;
  std::vector<std::string> kinds;                 // ndistinct, dependencies, mcv; empty: all that the server has
  std::vector<std::string> columns, expressions;  // expressions as SQL without outer parentheses
  bool is_drop = false;
  std::string definition;  // of a drop: CREATE STATISTICS text, the way back
};
struct SessionChange {
  int pid = 0;
  std::string started;  // backend_start in UTC, "2026-11-28 02:16:52.123456+00": a pid alone may be another session's
  bool terminate = false;       // false: only its statement is cancelled
  bool of_superuser = false;    // a superuser's session may be meant
  bool of_replication = false;  // a standby's or a subscriber's connection may be meant
};
struct RowSecurityChange {
  std::string schema, table;
  std::string policy;  // empty: whether policies are in force
};
struct PartitionRange {
  std::string partition;
  std::string from, to;  // bounds, as SQL literals: 'a' inclusive, 'b' exclusive
};
struct PartitionChange {
  std::string schema, table, partition;  // the partition is in the schema of its table
  std::string from, to;                  // bounds of a range, as SQL literals: 'a' inclusive, 'b' exclusive
  int grace_days = 7;                    // of a drop: days since it was detached
  // Of a drained DEFAULT partition; the last three are looked up.
  std::vector<PartitionRange> ranges = {};
  int most_rows = 20'000;  // that one range may have, which is what one transaction moves
  std::string default_partition = {}, key = {};
  std::vector<std::string> columns = {};  // that are not generated
};
struct PgbouncerChange {
  std::string pooler;  // its configured name; empty: the one that has none
  std::string name, value;
  std::optional<std::string> previous = {};  // nullopt: the file does not set it
};
using ChangeDetail = std::variant<IndexChange, RefreshChange, MaintenanceChange, SettingChange, StatisticsChange,
                                  SessionChange, RowSecurityChange, PartitionChange, PgbouncerChange>;

struct CostEstimate {
  std::int64_t bytes = 0;  // disk that stays used
  double seconds = 0;      // of the statement
  std::int64_t wal_bytes = 0;
};

// What would be executed; frozen and hashed before anyone approves it.
struct ProposedChange {
  ActionClass action = ActionClass::analyze;
  ChangeKind kind = ChangeKind::maintenance;
  std::string system_identifier, database;
  std::string object;       // "schema.name", "role app", "setting work_mem": what policy patterns match
  std::string run_as_role;  // SET ROLE target (owner); empty: as connected
  std::vector<std::string> sql_up, sql_down;  // one statement each; sql_down empty: no way back
  ChangeDetail detail;
  LockLevel lock = LockLevel::none;
  CostEstimate cost;
  // queryids whose EXPLAIN changed or that touch the object: the verdict's target set.
  std::vector<std::int64_t> target_statements;
  std::vector<std::string> target_tables;  // "schema.name"
};

// sha-256 over the frozen parts is made by change/plan_hash; the advisor only fills the fields.
struct EffectEstimate {
  std::string metric;  // "buffers per call", "seconds per minute", "dead tuples"
  double before = 0, after = 0;
  double low = 0, high = 0;  // interval of `after`
  std::string unit;
  std::string basis;  // hypopg, statistics, rule
};

struct RefusedAlternative {
  std::string what;
  std::string why;
};

enum class Risk { low, medium, high };
[[nodiscard]] std::string_view to_string(Risk risk);

struct Recommendation {
  std::string id;  // stable: hash of (advisor, database, object, intent)
  std::string advisor;
  Finding finding;
  ProposedChange change;
  EffectEstimate effect;
  Risk risk = Risk::low;
  std::vector<RefusedAlternative> refused;
  UtcTime made_at;
};

// What one run of an advisor says; "nothing to do" carries its reasons in `refused`.
struct Advice {
  std::vector<Finding> findings;
  std::vector<Recommendation> recommendations;
  std::vector<RefusedAlternative> refused;
};

enum class DecisionKind { recommend, needs_approval, automatic, refused };
[[nodiscard]] std::string_view to_string(DecisionKind kind);

struct Decision {
  DecisionKind kind = DecisionKind::refused;
  std::string limit;   // the rule or limit that decided: "action_class create_index", "window night", "budget bytes"
  std::string reason;  // one sentence
  // When an automatic change must wait (window closed, cool-down, one in flight): not before; nullopt: unknown.
  std::optional<UtcTime> not_before;
};

}  // namespace pgtend
