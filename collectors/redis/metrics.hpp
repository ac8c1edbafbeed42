#pragma once

#include <span>
#include <string_view>

#include "agent/model/series.hpp"

namespace pgtend::collectors {

// A field of INFO and what it means. Words count too: ok and up are 1, err and down 0.
struct RedisMetric {
  std::string_view field;
  int since;  // 10000 × major + 100 × minor of the first version that has it; 0: all that are supported
  std::string_view metric;
  MetricKind kind;
  std::string_view unit;
  double scale;  // into the unit
  std::string_view help;
};

[[nodiscard]] std::span<const RedisMetric> redis_metric_table();

}  // namespace pgtend::collectors
