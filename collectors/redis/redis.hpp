#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model/series.hpp"
#include "agent/model/snapshot.hpp"

// Redis, from its answers, which the caller asked for.
namespace pgtend::collectors {

struct RedisLatency {
  std::string event;
  double last_at = 0, last_seconds = 0;  // Unix time and length of the last spike
};

// What one run asked; what was refused is left out and costs only its own metrics.
struct RedisAnswers {
  std::string info;                                  // INFO
  std::optional<std::int64_t> slowlog_length;        // SLOWLOG LEN
  std::optional<std::vector<RedisLatency>> latency;  // LATENCY LATEST
  std::optional<double> round_trip_seconds;          // of PING
};

// What the next run needs of this one.
struct RedisCounts {
  std::string run_id;
  double hits = 0, misses = 0;
};

struct RedisRun {
  std::vector<SeriesSample> samples;
  std::string version;
  std::optional<RedisCounts> counts;
  // What this version should have told and did not, or told as no number: "INFO: used_memory".
  std::vector<std::string> lost;
};

// Series under redis_exporter's names and labels. `cache` becomes the label cache, unless it is empty. Counters carry
// Redis's run_id as their epoch. The hit ratio is that of the reads since `before`: none when there were no reads, or
// when Redis was started again or its statistics were reset in between.
[[nodiscard]] RedisRun redis_series(const RedisAnswers& answers, std::string_view cache,
                                    const std::optional<RedisCounts>& before, UtcTime now);
[[nodiscard]] std::vector<MetricDef> redis_metrics();

}  // namespace pgtend::collectors
