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
  double least = window.samples.front().value;
  for (const auto& sample : window.samples) {
    if (sample.value < least || std::isnan(least)) least = sample.value;
  }
  return least;
}

Maybe max_over_time(const Window& window, Args) {
  double most = window.samples.front().value;
  for (const auto& sample : window.samples) {
    if (sample.value > most || std::isnan(most)) most = sample.value;
  }
  return most;
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
