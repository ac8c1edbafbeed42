#include <algorithm>
#include <cmath>

#include "rules/promql/functions.hpp"
#include "rules/promql/numeric.hpp"

namespace pgtend::promql::functions {

namespace {

double seconds(Millis duration) {
  return static_cast<double>(duration.count()) / 1000.0;
}

// Without epoch edges: in the order in which Prometheus adds, so that large counters are rounded as there.
double counted(std::span<const Sample> samples) {
  double total = samples.back().value - samples.front().value;
  for (std::size_t i = 1; i < samples.size(); ++i)
    if (samples[i].value < samples[i - 1].value) total += samples[i - 1].value;
  return total;
}

// How much the value grew, summed over the stretches between epoch edges: what lies across an edge counts as 0. A fall
// of a counter inside a stretch is a reset to 0.
double growth(const Window& window, bool is_counter) {
  const auto samples = window.samples;
  const auto inside = [&](std::span<const std::size_t> indexes) {
    const auto first = std::upper_bound(indexes.begin(), indexes.end(), window.base);
    return first != indexes.end() && *first < window.base + samples.size();
  };
  if (!inside(window.edges)) {
    const bool falls = is_counter && (!window.falls || inside(*window.falls));
    return falls ? counted(samples) : samples.back().value - samples.front().value;
  }
  double total = 0;
  double stretch_start = samples.front().value;
  double before = stretch_start;
  auto edge = std::upper_bound(window.edges.begin(), window.edges.end(), window.base);
  for (std::size_t i = 1; i < samples.size(); ++i) {
    const double now = samples[i].value;
    if (edge != window.edges.end() && *edge == window.base + i) {
      total += before - stretch_start;
      stretch_start = now;
      ++edge;
    } else if (is_counter && now < before) {
      total += before;
    }
    before = now;
  }
  return total + (before - stretch_start);
}

// Growth inside the window, stretched to its edges where samples reach close enough to them.
Maybe extrapolated(const Window& window, bool is_counter, bool per_second) {
  const auto samples = window.samples;
  if (samples.size() < 2) return std::nullopt;
  double result = growth(window, is_counter);
  double to_start = seconds(samples.front().time - window.from);
  const double to_end = seconds(window.to - samples.back().time);
  const double sampled = seconds(samples.back().time - samples.front().time);
  const double between = sampled / static_cast<double>(samples.size() - 1);
  // Source: Prometheus extends to the edge when the gap is at most 1.1 times the average distance of samples.
  const double threshold = between * 1.1;
  // Since 2.51 a start far from the edge extends by half a distance even where zero is further off.
  if (window.left_open && to_start >= threshold) to_start = between / 2;
  if (is_counter && result > 0 && samples.front().value >= 0) {
    // A counter does not extrapolate to below zero.
    const double to_zero = sampled * (samples.front().value / result);
    if (to_zero < to_start) to_start = to_zero;
  }
  double extended = sampled;
  extended += to_start < threshold ? to_start : between / 2;
  extended += to_end < threshold ? to_end : between / 2;
  double factor = extended / sampled;
  if (per_second) factor /= seconds(window.to - window.from);
  return result * factor;
}

Maybe instant_difference(const Window& window, bool is_rate) {
  const auto samples = window.samples;
  if (samples.size() < 2) return std::nullopt;
  const std::size_t last = samples.size() - 1;
  double result = samples[last].value - samples[last - 1].value;
  if (window.is_edge(last)) {
    result = 0;
  } else if (is_rate && samples[last].value < samples[last - 1].value) {
    result = samples[last].value;
  }
  const Millis apart = samples[last].time - samples[last - 1].time;
  if (apart.count() == 0) return std::nullopt;
  return is_rate ? result / seconds(apart) : result;
}

}  // namespace

Maybe rate(const Window& window, Args) {
  return extrapolated(window, true, true);
}
Maybe increase(const Window& window, Args) {
  return extrapolated(window, true, false);
}
Maybe delta(const Window& window, Args) {
  return extrapolated(window, false, false);
}
Maybe irate(const Window& window, Args) {
  return instant_difference(window, true);
}
Maybe idelta(const Window& window, Args) {
  return instant_difference(window, false);
}

Maybe changes(const Window& window, Args) {
  double count = 0;
  for (std::size_t i = 1; i < window.samples.size(); ++i) {
    const double before = window.samples[i - 1].value;
    const double now = window.samples[i].value;
    const bool same = now == before || (std::isnan(now) && std::isnan(before));
    if (!same && !window.is_edge(i)) ++count;
  }
  return count;
}

Maybe resets(const Window& window, Args) {
  double count = 0;
  for (std::size_t i = 1; i < window.samples.size(); ++i) {
    if (window.is_edge(i) || window.samples[i].value < window.samples[i - 1].value) ++count;
  }
  return count;
}

Maybe deriv(const Window& window, Args) {
  if (window.samples.size() < 2) return std::nullopt;
  return fit_line(window.samples, window.samples.front().time).slope;
}

Maybe predict_linear(const Window& window, Args args) {
  if (window.samples.size() < 2) return std::nullopt;
  const Line line = fit_line(window.samples, window.at);
  return line.slope * args[0] + line.intercept;
}

}  // namespace pgtend::promql::functions
