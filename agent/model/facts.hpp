#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/model/snapshot.hpp"

// Typed facts about one database, read on the advise lane; the advisors' and checks' only input. Counters are raw:
// an advisor compares two DatabaseFacts and trusts the difference only when the epochs are equal.
namespace pgtend {

using Oid = std::uint32_t;

struct ColumnFact {
  std::string name;
  int attnum = 0;
  std::string type;          // format_type spelling
  double n_distinct = 0;     // pg_stats convention: negative is a fraction of the rows; 0 unknown
  double null_fraction = 0;  // ratio 0..1
  int average_width = 0;     // bytes
  std::optional<double> correlation;
  bool not_null = false;
};

struct TableFact {
  Oid oid = 0;
  std::string schema, name, owner;
  char relkind = 'r';  // r, p, m, t
  double reltuples = 0;
  std::int64_t relpages = 0;                   // 8 kB blocks
  std::map<std::string, std::string> options;  // reloptions
  std::int64_t n_live_tup = 0, n_dead_tup = 0, n_mod_since_analyze = 0, n_ins_since_vacuum = 0;
  std::int64_t n_tup_ins = 0, n_tup_upd = 0, n_tup_del = 0, n_tup_hot_upd = 0;
  std::int64_t seq_scan = 0, seq_tup_read = 0, idx_scan = 0, idx_tup_fetch = 0;
  std::int64_t autovacuum_count = 0, vacuum_count = 0;
  std::optional<UtcTime> last_vacuum, last_autovacuum, last_analyze, last_autoanalyze;
  bool row_security = false;
  bool extension_owned = false;
  Oid partition_of = 0;  // 0: no partition
  std::vector<ColumnFact> columns;
  [[nodiscard]] std::string qualified() const { return schema + "." + name; }
};

struct IndexFact {
  Oid oid = 0, table_oid = 0;
  std::string schema, name;
  std::string definition;                // pg_get_indexdef; empty when its table was locked
  std::string method;                    // btree, gin, …
  std::vector<std::string> key_columns;  // in order; an expression is ""
  std::vector<std::string> include_columns;
  bool has_expressions = false, is_partial = false;
  bool is_unique = false, is_primary = false, is_exclusion = false, backs_constraint = false;
  bool is_valid = true, is_ready = true;
  bool is_replica_identity = false, is_clustered = false;
  bool is_partition_child = false, extension_owned = false;
  bool supports_foreign_key = false;  // its leading columns are those of a foreign key of the table
  std::int64_t idx_scan = 0, idx_tup_read = 0;
  std::int64_t bytes = 0;  // relpages × block size
  std::string comment;
  // Equal signatures mean the same keys, opclasses, collations, options and predicate: duplicates.
  std::string signature;
};

// A table that is partitioned by range of one column of time, and one of its partitions.
struct PartitionFact {
  Oid oid = 0;
  std::string schema, name;
  bool is_default = false;
  std::string from, to;                   // bounds as the server writes them, without quotes; empty: MINVALUE, MAXVALUE
  std::optional<UtcTime> from_at, to_at;  // the same
  bool holds_rows = false;                // by its size on disk
};
struct PartitionedTableFact {
  Oid oid = 0;
  std::string schema, name, owner, key, key_type;  // type: date, timestamp without time zone, …
  std::vector<PartitionFact> partitions;
  std::vector<UtcTime> stray;  // key values in the statistics of the DEFAULT partition; never stored or shown
  [[nodiscard]] std::string qualified() const { return schema + "." + name; }
};

struct StatementFact {
  std::int64_t query_id = 0;
  Oid user_oid = 0, database_oid = 0;
  std::string user;
  bool toplevel = true;
  std::string text;  // as pg_stat_statements gives it ($n for literals); empty when not permitted or not yet read
  std::int64_t calls = 0, rows = 0;
  double total_exec_ms = 0, mean_exec_ms = 0, stddev_exec_ms = 0;
  std::int64_t shared_blks_hit = 0, shared_blks_read = 0, shared_blks_dirtied = 0, shared_blks_written = 0;
  std::int64_t temp_blks_read = 0, temp_blks_written = 0;
  std::int64_t wal_bytes = 0;
};

struct MatviewFact {
  Oid oid = 0;
  std::string schema, name, owner;
  bool populated = false;
  bool has_unique_index = false;   // full, non-partial, on plain columns: CONCURRENTLY is possible
  bool over_row_security = false;  // reads a table with RLS: never created or refreshed automatically
  std::int64_t relpages = 0;
  double reltuples = 0;
  std::int64_t reads = 0;          // seq_scan + idx_scan of the view itself
  std::vector<Oid> base_tables;    // recursive through views
  std::vector<Oid> base_matviews;  // must be refreshed first
  Oid relfilenode = 0;             // a plain refresh elsewhere changes it
  std::int64_t own_writes = 0;     // n_tup_ins+upd+del of the view: a CONCURRENTLY refresh elsewhere shows here
};

struct SettingFact {
  std::string name, value, unit, context, vartype, source, source_file, boot_value, reset_value;
  std::string min_value, max_value;
  std::vector<std::string> enum_values;
  bool pending_restart = false;
};

struct RoleFact {
  Oid oid = 0;
  std::string name;
  bool superuser = false, can_login = false;
  std::map<std::string, std::string> settings;  // ALTER ROLE … SET, all databases
};

struct DatabaseFacts {
  std::string instance, database;
  Oid database_oid = 0;
  ServerIdentity identity;
  UtcTime taken_at;
  std::uint64_t epoch = 0;  // of the database's statistics
  std::uint64_t statements_epoch = 0;
  std::optional<UtcTime> stats_reset;
  std::map<std::string, std::string> extensions;  // name -> version
  bool statements_readable = false;               // texts of other roles visible
  std::vector<TableFact> tables;
  std::vector<IndexFact> indexes;
  std::vector<MatviewFact> matviews;
  std::vector<PartitionedTableFact> partitioned_tables;
  std::vector<StatementFact> statements;
  std::vector<RoleFact> roles;
  std::map<std::string, SettingFact> settings;
  std::int64_t ram_bytes = 0;  // min(MemTotal, cgroup memory.max) of the host; 0 when unknown
  std::int64_t active_backends = 0;

  [[nodiscard]] const TableFact* table(Oid oid) const;
  [[nodiscard]] const TableFact* table(std::string_view schema, std::string_view name) const;
};

using FactsPtr = std::shared_ptr<const DatabaseFacts>;

}  // namespace pgtend
