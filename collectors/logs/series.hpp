#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "agent/model/series.hpp"
#include "agent/model/snapshot.hpp"
#include "collectors/logs/tally.hpp"

namespace pgtend::logs {

// How reading the log goes.
struct LogReading {
  double read = 0, skipped = 0, behind = 0;  // bytes
  double unreadable = 0;
};

struct LogMetric {
  std::string_view name;
  MetricKind kind;
  std::string_view unit, labels, help;
};
[[nodiscard]] std::span<const LogMetric> log_metric_table();
[[nodiscard]] std::vector<MetricDef> log_metrics();

// Everything counted so far. `epoch` is that of the tally: another one began at zero. Names of tables are as bytes in
// the log.
[[nodiscard]] std::vector<SeriesSample> log_samples(const LogTally& tally, const LogReading& reading,
                                                    std::uint64_t epoch);

}  // namespace pgtend::logs
