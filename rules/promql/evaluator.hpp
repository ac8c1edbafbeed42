#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/clock.hpp"
#include "agent/base/result.hpp"
#include "agent/model/history.hpp"
#include "rules/promql/ast.hpp"
#include "rules/promql/parser.hpp"
#include "rules/promql/value.hpp"

namespace pgtend::promql {

// By metric, milliseconds.
using Lookbacks = std::map<std::string, Millis, std::less<>>;

struct EvalOptions {
  // How far an instant selector looks back, milliseconds. Source: Prometheus's default of 5 minutes.
  Millis lookback{300'000};
  // Metrics for which it looks further back, because they are sampled more seldom: without it, what is sampled every
  // hour would be seen for five minutes of it. May be nullptr.
  std::shared_ptr<const Lookbacks> lookbacks = {};
  // Whether a sample exactly at the left edge of a range or lookback is left out: true as in Prometheus 3.0 and later,
  // false as in 2.x.
  bool left_open = true;
  // Samples loaded and produced by one query. Source: a tenth of Prometheus's default of 50 million; 80 MB at worst.
  std::size_t max_samples = 5'000'000;
  // Labels of loaded and made series together. Source: 100,000 series of six short labels.
  std::size_t max_label_bytes = 64 << 20;
  // Step of a subquery that names none, milliseconds. Source: Prometheus's default evaluation interval.
  Millis subquery_step{60'000};
  // Checked between steps and nodes when `clock` is set.
  std::optional<Deadline> deadline;
  const Clock* clock = nullptr;
  int max_depth = kMaxDepth;
};

// How far an instant selector looks back for a metric: the longer of what holds for all and for it.
[[nodiscard]] Millis lookback_for(const EvalOptions& options, std::string_view metric);

// Counters: where SeriesData::epoch_starts marks sample i as the first of a new reset epoch, the difference between
// samples i-1 and i counts as 0 in rate, increase, irate, delta and idelta, and is no change in changes(); resets()
// counts it once. Everywhere else a fall of the value is a reset, as in Prometheus.

// The value of an expression at one moment: Scalar, String, Vector, or Matrix for a bare range selector.
// Errors: invalid_argument (vector matching, duplicate label sets, a time beyond the year 9999), resource_exhausted
// (samples, labels, depth), timeout (deadline), and what the reader returns; only the reader's may be retryable. One
// thread per reader.
[[nodiscard]] Result<Value> evaluate(const Expr& expr, HistoryReader& history, UtcTime at, const EvalOptions& options);

// Whether an expression can be stepped through: a scalar or an instant vector. Errors: parse, in Prometheus's words.
[[nodiscard]] Result<void> check_range_type(const Expr& expr);

// The values at from, from+step, ... to; each series is loaded once per query.
// `step` in milliseconds, above 0; the expression must be a scalar or an instant vector.
// Errors: as evaluate(), invalid_argument for a bad step or range, parse for a type that cannot be stepped through.
[[nodiscard]] Result<Matrix> evaluate_range(const Expr& expr, HistoryReader& history, UtcTime from, UtcTime to,
                                            Millis step, const EvalOptions& options);

}  // namespace pgtend::promql
