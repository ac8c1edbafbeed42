#include <cmath>

#include "rules/promql/functions.hpp"
#include "rules/promql/numeric.hpp"

namespace pgtend::promql::functions {

namespace {

// Welford's method with compensated sums.
double variance(std::span<const Sample> samples) {
  CompensatedSum mean, squares;
  double count = 0;
  for (const auto& sample : samples) {
    ++count;
    const double off = sample.value - mean.corrected();
    mean.add(off / count);
    squares.add(off * (sample.value - mean.corrected()));
  }
  return squares.corrected() / count;
}

// The first of the best values; NaN only where there is nothing else, because no comparison with it holds. Four chains,
// so that a comparison need not wait for the one before: a window of an hour is looked at for every step.
template <class Better>
double extreme(std::span<const Sample> samples, Better better) {
  std::size_t first = 0;
  while (first + 1 < samples.size() && std::isnan(samples[first].value)) ++first;
  const double begin = samples[first].value;
  double best[4] = {begin, begin, begin, begin};
  std::size_t i = first + 1;
  for (; i + 4 <= samples.size(); i += 4)
    for (std::size_t chain = 0; chain < 4; ++chain) {
      const double value = samples[i + chain].value;
      best[chain] = better(value, best[chain]) ? value : best[chain];
    }
  double out = best[0];
  for (const double each : best) out = better(each, out) ? each : out;
  for (; i < samples.size(); ++i) out = better(samples[i].value, out) ? samples[i].value : out;
  if (out != 0) return out;
  // 0 and -0 are equal, and the first of them is the answer.
  for (const auto& sample : samples)
    if (sample.value == 0) return sample.value;
  return out;
}

}  // namespace

Maybe avg_over_time(const Window& window, Args) {
  CompensatedSum mean;
  double count = 0;
  for (const auto& sample : window.samples) {
    ++count;
    if (std::isinf(mean.raw())) {
      // The mean stays infinite unless the opposite infinity or NaN joins.
      if (std::isinf(sample.value) && (mean.raw() > 0) == (sample.value > 0)) continue;
      if (std::isfinite(sample.value)) continue;
    }
    mean.add(sample.value / count - mean.raw() / count);
  }
  return mean.total();
}

Maybe sum_over_time(const Window& window, Args) {
  CompensatedSum sum;
  for (const auto& sample : window.samples) sum.add(sample.value);
  return sum.total();
}

Maybe count_over_time(const Window& window, Args) {
  return static_cast<double>(window.samples.size());
}

Maybe min_over_time(const Window& window, Args) {
  return extreme(window.samples, [](double value, double best) { return value < best; });
}

Maybe max_over_time(const Window& window, Args) {
  return extreme(window.samples, [](double value, double best) { return value > best; });
}

Maybe last_over_time(const Window& window, Args) {
  return window.samples.back().value;
}
Maybe present_over_time(const Window&, Args) {
  return 1;
}
Maybe stddev_over_time(const Window& window, Args) {
  return std::sqrt(variance(window.samples));
}
Maybe stdvar_over_time(const Window& window, Args) {
  return variance(window.samples);
}

Maybe quantile_over_time(const Window& window, Args args) {
  std::vector<double> values;
  values.reserve(window.samples.size());
  for (const auto& sample : window.samples) values.push_back(sample.value);
  return quantile(args[0], std::move(values));
}

}  // namespace pgtend::promql::functions
