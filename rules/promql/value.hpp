#pragma once

#include <string>
#include <variant>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/model/series.hpp"

namespace pgtend::promql {

struct Scalar {
  UtcTime time;
  double value = 0;
};
struct String {
  UtcTime time;
  std::string value;
};
struct VectorSample {
  Labels labels;  // includes __name__ when the operation keeps it
  UtcTime time;
  double value = 0;
};
using Vector = std::vector<VectorSample>;
struct Series {
  Labels labels;  // includes __name__ when the operation keeps it
  std::vector<Sample> samples;
};
using Matrix = std::vector<Series>;
using Value = std::variant<Scalar, String, Vector, Matrix>;

// name{a="b"}, or {a="b"} without a name.
[[nodiscard]] std::string metric_text(const Labels& labels);
// As `promtool query instant` prints it: one line per sample, `name{a="b"} => 3 @[60]`.
[[nodiscard]] std::string to_string(const Value& value);

}  // namespace pgtend::promql
