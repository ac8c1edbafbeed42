#include "agent/engine/live_range.hpp"

#include <algorithm>
#include <map>

#include "agent/engine/past_history.hpp"

namespace pgtend::engine {

namespace {

// Whether a moment in a range may be given something else than an evaluation at that moment alone.
bool looks_elsewhere(const promql::Expr& expr) {
  const auto moved = [](const auto& node) {
    return node.offset < Millis(0) || node.at.kind != promql::AtModifier::Kind::none;
  };
  if (const auto* selector = std::get_if<promql::VectorSelector>(&expr.node); selector != nullptr && moved(*selector))
    return true;
  if (const auto* subquery = std::get_if<promql::Subquery>(&expr.node); subquery != nullptr && moved(*subquery))
    return true;
  const auto parts = promql::children(expr);
  return std::any_of(parts.begin(), parts.end(), [](const auto* part) { return looks_elsewhere(*part); });
}

Result<promql::Matrix> each_step(const promql::Expr& expr, HistoryReader& history, TimeRange range, Millis step,
                                 const promql::EvalOptions& options) {
  std::map<Labels, std::vector<Sample>> found;
  std::size_t held = 0;
  for (UtcTime at = range.from; at <= range.to; at += step) {
    PastHistory past(history, at);
    const auto value = promql::evaluate(expr, past, at, options);
    if (!value) return fail(value.error());
    if (const auto* scalar = std::get_if<promql::Scalar>(&*value)) found[Labels()].push_back({at, scalar->value});
    if (const auto* vector = std::get_if<promql::Vector>(&*value)) {
      for (const auto& element : *vector) found[element.labels].push_back({at, element.value});
      held += vector->size();
    }
    if (held > options.max_samples)
      return fail(Errc::resource_exhausted,
                  "the rule is true so often that its moments do not fit: take a shorter range");
  }
  promql::Matrix out;
  for (auto& [labels, samples] : found) out.push_back({labels, std::move(samples)});
  return out;
}

std::vector<UtcTime> take_over_limit(promql::Matrix& matrix, std::size_t limit) {
  std::map<UtcTime, std::size_t> counts;
  for (const auto& series : matrix)
    for (const auto& sample : series.samples) ++counts[sample.time];
  std::erase_if(counts, [&](const auto& one) { return one.second <= limit; });
  std::vector<UtcTime> out;
  for (const auto& [time, count] : counts) out.push_back(time);
  if (out.empty()) return out;
  for (auto& series : matrix)
    std::erase_if(series.samples, [&](const Sample& sample) { return counts.contains(sample.time); });
  return out;
}

}  // namespace

Result<LiveRange> live_range(const promql::Expr& expr, HistoryReader& history, TimeRange range, Millis step, int limit,
                             const promql::EvalOptions& options) {
  auto matrix = looks_elsewhere(expr) ? each_step(expr, history, range, step, options)
                                      : promql::evaluate_range(expr, history, range.from, range.to, step, options);
  if (!matrix) return fail(std::move(matrix.error()));
  LiveRange out{std::move(*matrix), {}};
  if (limit > 0) out.over_limit = take_over_limit(out.matrix, static_cast<std::size_t>(limit));
  return out;
}

}  // namespace pgtend::engine
