#pragma once

#include <vector>

// The tests behind a verdict. Pure functions; two-sided p-values.
namespace pgtend::change {

struct TestResult {
  double difference = 0;  // mean of `after` minus mean of `before`
  double p_value = 1;
};

// Welch's t-test of unequal variances. Fewer than two values a side: p = 1. No spread at all: p = 0 when the means
// differ.
[[nodiscard]] TestResult welch(const std::vector<double>& before, const std::vector<double>& after);
// Mann-Whitney U with the normal approximation, ties and continuity corrected.
[[nodiscard]] TestResult mann_whitney(const std::vector<double>& before, const std::vector<double>& after);
// Holm's step-down: each p-value adjusted for the number of tests, in the order given.
[[nodiscard]] std::vector<double> holm(const std::vector<double>& p_values);

[[nodiscard]] double mean_of(const std::vector<double>& values);
// Of the sample (n-1); 0 for fewer than two values.
[[nodiscard]] double deviation_of(const std::vector<double>& values);

// One-sided upward CUSUM of standardised values: the index at which the sum first exceeds h, and where that run began.
struct CusumTrip {
  std::size_t onset = 0, at = 0;
};
[[nodiscard]] std::vector<CusumTrip> cusum_trips(const std::vector<double>& values, double mean, double sigma, double k,
                                                 double h);

}  // namespace pgtend::change
