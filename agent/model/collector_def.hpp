#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/model/advice.hpp"
#include "agent/model/series.hpp"
#include "agent/model/snapshot.hpp"

// Collectors and checks as data: read by config from collectors/**.yaml and rules/checks/*.yaml.
namespace pgtend {

enum class CollectorScope { instance, database };
// Backend CPU of one run. Source: reference measurements on 2,002 tables: A <= 1 ms, B <= 30 ms, C more or may block.
enum class CostClass { a, b, c };
// What a column of rows with the same labels becomes in a collector that folds.
enum class Fold { sum, max };

struct CollectorColumn {
  std::string column;  // of the answer
  std::string metric;  // full native name, pgtend_…
  MetricKind kind = MetricKind::gauge;
  std::string unit, help;
  double scale = 1;           // multiplies the value into the base unit (ms -> 0.001)
  std::string exporter_name;  // postgres_exporter's, served in its own unit when it exists
  double exporter_scale = 1;
  Fold fold = Fold::sum;
  std::optional<int> min_version, max_version;  // server_version_num, inclusive
};

struct CollectorDef {
  std::string name;    // file stem; metric names follow from the columns
  std::string source;  // the view; probed column by column
  CollectorScope scope = CollectorScope::instance;
  Millis interval{10'000};
  CostClass cost = CostClass::a;
  std::optional<int> min_version, max_version;
  std::optional<ServerRole> role;  // only on such a server
  std::string extension;           // required extension, empty: none
  std::string grant;               // the statement that cures a missing right
  // Whole statement. `{columns}` is replaced by the columns of `columns` + `labels` that the server has.
  std::string sql;
  std::vector<std::string> labels;  // answer columns that become labels
  std::string epoch_column;         // stats_reset of the row, if any
  std::vector<CollectorColumn> columns;
  int max_series = 0;       // rows; 0: the default quota
  bool fold = false;        // rows with the same labels are one: a partitioned table, the sum of its partitions
  bool lock_aware = false;  // takes a chunk of unlocked oids as $1::oid[]
  bool replace = false;     // stands for the shipped one of the same name
  bool optional = false;    // left out in silence where its source may not be read either
  std::string file;
  int line = 0;
};

// SQL and a threshold -> Finding: every row that comes back is one.
struct CheckDef {
  std::string name;
  std::string category;  // security, configuration, schema
  CollectorScope scope = CollectorScope::database;
  Millis interval{3'600'000};
  Severity severity = Severity::warning;
  std::optional<int> min_version, max_version;
  std::string sql;               // must return a column `subject`; other numeric columns become evidence
  std::string value_column;      // compared with the threshold; empty: any row is a finding
  std::string comparison = ">";  // > >= < <= == !=
  double threshold = 0;
  std::string unit;
  std::string summary;  // {subject} and {column} are replaced
  std::string grant;
  std::string file;
  int line = 0;
};

}  // namespace pgtend
