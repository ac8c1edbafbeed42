#include "agent/change/verify/compare.hpp"

#include <algorithm>
#include <cmath>

#include "agent/base/units.hpp"
#include "agent/change/verify/statistics.hpp"

namespace pgtend::change {
namespace {

// Counters that never vary (buffers of a fixed plan) would make σ zero and every ripple a trip.
constexpr double kSmallestSigma = 0.01;

struct Series {
  Baseline target, control;
  [[nodiscard]] const Baseline* control_or_none() const { return control.empty() ? nullptr : &control; }
};

Series series_of(const Sides& sides, const std::vector<std::int64_t>& ids, Metric metric) {
  return {Baseline(sides.before, ids, metric), Baseline(sides.before, sides.controls, metric)};
}

// The p-value that the calls alone give, from the deviation that pg_stat_statements keeps: a block is the mean of few
// calls, and a handful of blocks can agree by chance. 0 where the deviation is not known or the metric has none.
double calls_p_value(const Sides& sides, const Series& series, Metric metric, double difference) {
  if (metric != Metric::exec_ms && metric != Metric::exec_p95_ms) return 0;
  double variance = 0;
  for (const auto* windows : {&sides.before, &sides.after})
    for (const auto* baseline : {&series.target, &series.control}) variance += call_variance(*windows, *baseline);
  return variance > 0 ? std::erfc(std::abs(difference) / std::sqrt(2 * variance)) : 0;
}

// The log of what the same hours a week before did by themselves, when that is beyond doubt and worth a verdict.
double seasonal_shift(const Sides& sides, const std::vector<std::int64_t>& ids, Metric metric, bool controlled) {
  if (sides.season == nullptr) return 0;
  const auto seen = compare(*sides.season, ids, metric);
  const auto& options = sides.options;
  const double least = metric == Metric::buffers ? options.effect_blocks : options.effect_time;
  if (!seen || seen->controlled != controlled || seen->p_value >= options.p_value || std::abs(seen->effect) < least)
    return 0;
  return std::log1p(seen->effect);
}

std::vector<double> less(std::vector<double> values, double shift) {
  for (auto& value : values) value -= shift;
  return values;
}

}  // namespace

std::optional<Comparison> compare(const Sides& sides, const std::vector<std::int64_t>& ids, Metric metric) {
  const auto series = series_of(sides, ids, metric);
  if (series.target.empty()) return std::nullopt;
  Comparison out;
  out.metric = metric;
  out.controlled = series.control_or_none() != nullptr;
  const auto before = log_ratios(sides.before_blocks, series.target, series.control_or_none());
  auto after = log_ratios(sides.after_blocks, series.target, series.control_or_none());
  if (std::min(before.size(), after.size()) < static_cast<std::size_t>(kMinBlocks)) return std::nullopt;
  const double shift = seasonal_shift(sides, ids, metric, out.controlled);
  after = less(std::move(after), shift);
  const auto t = welch(before, after), rank = mann_whitney(before, after);
  const double calls = calls_p_value(sides, series, metric, t.difference);
  out.season = std::expm1(shift);
  out.effect = std::expm1(t.difference);
  out.p_value = std::max(calls, std::min(t.p_value, rank.p_value));
  out.test = std::string(t.p_value <= rank.p_value ? "welch" : "mann-whitney") + " on " +
             format_duration(sides.options.block) + " blocks of log ratio" +
             (out.p_value == calls && calls > 0 ? ", as sure as the calls" : "");
  out.blocks_before = static_cast<int>(before.size());
  out.blocks_after = static_cast<int>(after.size());
  return out;
}

std::optional<Comparison> find_trip(const Sides& sides, const std::vector<std::int64_t>& ids, Metric metric,
                                    double least) {
  const auto& options = sides.options;
  const auto series = series_of(sides, ids, metric);
  if (series.target.empty()) return std::nullopt;
  Comparison out;
  out.metric = metric;
  out.controlled = series.control_or_none() != nullptr;
  const auto before = log_ratios(sides.before, series.target, series.control_or_none());
  if (before.size() < static_cast<std::size_t>(options.min_windows)) return std::nullopt;
  const double shift = seasonal_shift(sides, ids, metric, out.controlled);
  const auto after = less(log_ratios(sides.after, series.target, series.control_or_none()), shift);
  const double sigma = std::max(kSmallestSigma, deviation_of(before));
  const auto trips = cusum_trips(after, mean_of(before), sigma, options.cusum_k, options.cusum_h);
  // Only a rise that still lasts counts; k = 0.25σ, h = 5σ alone would trip once in some 140 quiet windows.
  if (trips.empty() || trips.back().at + 1 != after.size()) return std::nullopt;
  const std::vector<double> risen(after.begin() + static_cast<std::ptrdiff_t>(trips.back().onset), after.end());
  if (risen.size() < static_cast<std::size_t>(options.cusum_min_windows)) return std::nullopt;
  const auto t = welch(before, risen);
  out.season = std::expm1(shift);
  out.effect = std::expm1(t.difference);
  out.p_value = t.p_value;
  out.test = "cusum trip";
  out.blocks_before = static_cast<int>(before.size());
  out.blocks_after = static_cast<int>(risen.size());
  if (out.effect < least || out.p_value >= options.cusum_p_value) return std::nullopt;
  return out;
}

}  // namespace pgtend::change
