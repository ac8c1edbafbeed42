#pragma once

#include <span>
#include <vector>

#include "agent/model/series.hpp"

namespace pgtend::promql {

// Sum with Neumaier's correction, so that a sum over many samples does not drift.
class CompensatedSum {
 public:
  void add(double value);
  // The plain sum when it is infinite: the correction is meaningless there.
  [[nodiscard]] double total() const;
  [[nodiscard]] double raw() const { return sum_; }
  [[nodiscard]] double corrected() const { return sum_ + correction_; }

 private:
  double sum_ = 0, correction_ = 0;
};

// The q-quantile by linear interpolation between the closest ranks; NaN sorts first. -Inf below 0, +Inf above 1,
// NaN of no values.
[[nodiscard]] double quantile(double q, std::vector<double> values);

struct Line {
  double slope = 0;      // per second
  double intercept = 0;  // at the chosen moment
};
// Least squares through the samples. `samples`: at least two.
[[nodiscard]] Line fit_line(std::span<const Sample> samples, UtcTime intercept_at);

// IEEE minimum and maximum as Go has them: an infinity of the winning sign beats NaN, else NaN wins.
[[nodiscard]] double go_max(double a, double b);
[[nodiscard]] double go_min(double a, double b);

}  // namespace pgtend::promql
