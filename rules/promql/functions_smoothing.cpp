#include <cstdio>

#include "rules/promql/functions.hpp"
#include "rules/promql/query.hpp"

namespace pgtend::promql::functions {

namespace {

// Go's %f.
std::string decimal(double value) {
  char buffer[400];
  std::snprintf(buffer, sizeof buffer, "%f", value);
  return buffer;
}

Result<double> factor(Query& query, const Expr& expr, UtcTime at, std::string_view name, std::string_view symbol) {
  const auto value = query.scalar(expr, at);
  if (!value) return value;
  if (!(*value <= 0 || *value >= 1)) return value;  // NaN passes, as in Prometheus
  const std::string range = "0 < " + std::string(symbol) + " < 1";
  return fail(Errc::invalid_argument,
              "invalid " + std::string(name) + " factor. Expected: " + range + ", got: " + decimal(*value));
}

// Holt's double exponential smoothing: a level and a trend, each moved a little by every sample.
double smooth(std::span<const Sample> samples, double smoothing, double trend_factor) {
  double before = 0, level = samples[0].value;
  double trend = samples[1].value - samples[0].value;
  for (std::size_t i = 1; i < samples.size(); ++i) {
    if (i > 1) trend = trend_factor * (level - before) + (1 - trend_factor) * trend;
    const double next = smoothing * samples[i].value + (1 - smoothing) * (level + trend);
    before = level;
    level = next;
  }
  return level;
}

}  // namespace

Result<Elements> holt_winters(Query& query, const Call& call, UtcTime at) {
  const auto series = query.windows(*call.args[0], at);
  if (!series) return fail(series.error());
  Elements out;
  // The factors are judged only where there is something to smooth, as in Prometheus.
  if (series->empty()) return out;
  const auto smoothing = factor(query, *call.args[1], at, "smoothing", "sf");
  if (!smoothing) return fail(smoothing.error());
  const auto trend = factor(query, *call.args[2], at, "trend", "tf");
  if (!trend) return fail(trend.error());
  for (const auto& one : *series) {
    if (one.window.samples.size() < 2) continue;
    out.push_back({query.labels().without_name(one.labels), smooth(one.window.samples, *smoothing, *trend)});
  }
  return out;
}

}  // namespace pgtend::promql::functions
