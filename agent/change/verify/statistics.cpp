#include "agent/change/verify/statistics.hpp"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <numeric>

namespace pgtend::change {

double mean_of(const std::vector<double>& values) {
  if (values.empty()) return 0;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double deviation_of(const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  const double mean = mean_of(values);
  double sum = 0;
  for (const double v : values) sum += (v - mean) * (v - mean);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

TestResult welch(const std::vector<double>& before, const std::vector<double>& after) {
  TestResult out;
  out.difference = mean_of(after) - mean_of(before);
  if (before.size() < 2 || after.size() < 2) return out;
  const double n = static_cast<double>(before.size()), m = static_cast<double>(after.size());
  const double a = std::pow(deviation_of(before), 2) / n, b = std::pow(deviation_of(after), 2) / m;
  if (a + b < 1e-18) {
    out.p_value = std::abs(out.difference) > 1e-9 ? 0 : 1;
    return out;
  }
  const double t = out.difference / std::sqrt(a + b);
  const double freedom = (a + b) * (a + b) / (a * a / (n - 1) + b * b / (m - 1));
  // Of double: long double would be compiled as well and is no better for a p-value.
  using Policy = boost::math::policies::policy<boost::math::policies::promote_double<false>>;
  const boost::math::students_t_distribution<double, Policy> distribution(freedom);
  out.p_value = 2 * boost::math::cdf(boost::math::complement(distribution, std::abs(t)));
  return out;
}

TestResult mann_whitney(const std::vector<double>& before, const std::vector<double>& after) {
  TestResult out;
  out.difference = mean_of(after) - mean_of(before);
  const double n = static_cast<double>(before.size()), m = static_cast<double>(after.size());
  if (before.empty() || after.empty()) return out;
  std::vector<std::pair<double, bool>> all;
  for (const double v : before) all.emplace_back(v, false);
  for (const double v : after) all.emplace_back(v, true);
  std::sort(all.begin(), all.end());
  double rank_sum = 0, tie_term = 0;
  for (std::size_t i = 0; i < all.size();) {
    std::size_t j = i;
    while (j < all.size() && all[j].first == all[i].first) ++j;
    const double rank = (static_cast<double>(i + 1) + static_cast<double>(j)) / 2;
    for (std::size_t k = i; k < j; ++k)
      if (all[k].second) rank_sum += rank;
    const double ties = static_cast<double>(j - i);
    tie_term += ties * ties * ties - ties;
    i = j;
  }
  const double u = rank_sum - m * (m + 1) / 2, total = n + m;
  const double variance = n * m / 12 * (total + 1 - tie_term / (total * (total - 1)));
  if (variance <= 0) return out;
  const double distance = std::max(0.0, std::abs(u - n * m / 2) - 0.5);
  out.p_value = std::erfc(distance / std::sqrt(2 * variance));
  return out;
}

std::vector<double> holm(const std::vector<double>& p_values) {
  std::vector<std::size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return p_values[a] < p_values[b]; });
  std::vector<double> out(p_values.size());
  double floor = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    floor = std::max(floor, p_values[order[i]] * static_cast<double>(order.size() - i));
    out[order[i]] = std::min(1.0, floor);
  }
  return out;
}

std::vector<CusumTrip> cusum_trips(const std::vector<double>& values, double mean, double sigma, double k, double h) {
  std::vector<CusumTrip> out;
  double sum = 0;
  std::size_t onset = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (sum == 0) onset = i;
    sum = std::max(0.0, sum + (values[i] - mean) / sigma - k);
    if (sum > h) out.push_back({onset, i});
  }
  return out;
}

}  // namespace pgtend::change
