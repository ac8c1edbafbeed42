#include "rules/promql/numeric.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace pgtend::promql {

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

}  // namespace

void CompensatedSum::add(double value) {
  const double next = sum_ + value;
  if (std::abs(sum_) >= std::abs(value)) {
    correction_ += (sum_ - next) + value;
  } else {
    correction_ += (value - next) + sum_;
  }
  sum_ = next;
}

double CompensatedSum::total() const {
  return std::isinf(sum_) ? sum_ : sum_ + correction_;
}

double quantile(double q, std::vector<double> values) {
  if (values.empty() || std::isnan(q)) return kNan;
  if (q < 0) return -kInf;
  if (q > 1) return kInf;
  std::sort(values.begin(), values.end(), [](double a, double b) { return std::isnan(a) ? !std::isnan(b) : a < b; });
  const double rank = q * static_cast<double>(values.size() - 1);
  const double floor = std::floor(rank);
  const auto lower = static_cast<std::size_t>(std::max(0.0, floor));
  const std::size_t upper = std::min(values.size() - 1, lower + 1);
  const double weight = rank - floor;
  return values[lower] * (1 - weight) + values[upper] * weight;
}

Line fit_line(std::span<const Sample> samples, UtcTime intercept_at) {
  CompensatedSum x_sum, y_sum, xy_sum, xx_sum;
  const double first = samples.front().value;
  bool constant = true;
  for (const auto& sample : samples) {
    if (sample.value != first) constant = false;
    const double x = static_cast<double>((sample.time - intercept_at).count()) / 1000.0;
    x_sum.add(x);
    y_sum.add(sample.value);
    xy_sum.add(x * sample.value);
    xx_sum.add(x * x);
  }
  if (samples.size() > 1 && constant) return std::isinf(first) ? Line{kNan, kNan} : Line{0, first};
  const auto n = static_cast<double>(samples.size());
  const double covariance = xy_sum.corrected() - x_sum.corrected() * y_sum.corrected() / n;
  const double variance = xx_sum.corrected() - x_sum.corrected() * x_sum.corrected() / n;
  const double slope = covariance / variance;
  return {slope, y_sum.corrected() / n - slope * x_sum.corrected() / n};
}

double go_max(double a, double b) {
  if (a == kInf || b == kInf) return kInf;
  if (std::isnan(a) || std::isnan(b)) return kNan;
  return std::max(a, b);
}

double go_min(double a, double b) {
  if (a == -kInf || b == -kInf) return -kInf;
  if (std::isnan(a) || std::isnan(b)) return kNan;
  return std::min(a, b);
}

}  // namespace pgtend::promql
