#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model/rows.hpp"
#include "agent/model/series.hpp"
#include "agent/model/snapshot.hpp"

// PgBouncer, from answers of its admin console that the caller asked for.
namespace pgtend::collectors {

// What is asked, in this order, each by the simple protocol.
[[nodiscard]] std::span<const std::string_view> pgbouncer_questions();

// Answers by question; one that was refused is left out and costs only its own metrics.
using PgbouncerAnswers = std::map<std::string, RowSet, std::less<>>;

struct PgbouncerRun {
  std::vector<SeriesSample> samples;
  std::string version;  // "1.18.0", empty when it was not told
  // What this version should have told and did not, or told as no number: "SHOW POOLS: cl_active".
  std::vector<std::string> lost;
};

// Series under pgbouncer_exporter's names and labels. `pooler` becomes the label pooler, unless it is empty. Counters
// carry `epoch`, which must change when the pooler was started again. Columns are found by name, from 1.18 to 1.24.
[[nodiscard]] PgbouncerRun pgbouncer_series(const PgbouncerAnswers& answers, std::string_view pooler,
                                            std::uint64_t epoch);
[[nodiscard]] std::vector<MetricDef> pgbouncer_metrics();

}  // namespace pgtend::collectors
