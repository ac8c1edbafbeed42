#pragma once

#include <span>
#include <string_view>

#include "agent/model/series.hpp"

namespace pgtend::collectors {

// Where a figure stands in an answer of the console and what it means.
struct PgbouncerMetric {
  std::string_view question;
  std::string_view column;  // of the answer; for SHOW LISTS and SHOW CONFIG the key of a row
  std::string_view before;  // its name in older versions; empty: the same
  int since;                // 10000 × major + 100 × minor of the first version that has it; 0: all that are supported
  std::string_view metric;
  MetricKind kind;
  std::string_view unit;
  double scale;  // into the unit
  std::string_view help;
};

inline constexpr std::string_view kShowVersion = "SHOW VERSION";
inline constexpr std::string_view kShowPools = "SHOW POOLS";
inline constexpr std::string_view kShowStats = "SHOW STATS";
inline constexpr std::string_view kShowDatabases = "SHOW DATABASES";
inline constexpr std::string_view kShowLists = "SHOW LISTS";
inline constexpr std::string_view kShowConfig = "SHOW CONFIG";

[[nodiscard]] std::span<const PgbouncerMetric> pgbouncer_metric_table();

}  // namespace pgtend::collectors
