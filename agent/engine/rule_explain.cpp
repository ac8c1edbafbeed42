#include "agent/engine/rule_explain.hpp"

#include <algorithm>

namespace pgtend::engine {

namespace {

// Series shown of each part. Source: what fits a terminal beside the tree.
constexpr std::size_t kShown = 5;

SeriesData shown(const Labels& labels, const Sample& sample) {
  SeriesKey key{std::string(labels.get("__name__")), labels};
  key.labels.erase("__name__");
  return {std::move(key), {sample}, {}, {}};
}

void fill(ExplainedPart& part, const promql::Value& value) {
  if (const auto* scalar = std::get_if<promql::Scalar>(&value)) {
    part.series = 1;
    part.top.push_back(shown({}, {scalar->time, scalar->value}));
  } else if (const auto* vector = std::get_if<promql::Vector>(&value)) {
    part.series = vector->size();
    for (const auto& one : *vector)
      if (part.top.size() < kShown) part.top.push_back(shown(one.labels, {one.time, one.value}));
  } else if (const auto* matrix = std::get_if<promql::Matrix>(&value)) {
    part.series = matrix->size();
    for (const auto& one : *matrix)
      if (part.top.size() < kShown && !one.samples.empty()) part.top.push_back(shown(one.labels, one.samples.back()));
  }
}

struct Explainer {
  HistoryReader& history;
  UtcTime at;
  const promql::EvalOptions& options;
  std::vector<ExplainedPart> out;

  void add(const promql::Expr& expr, int depth) {
    const auto& inner = promql::unwrap(expr);
    // A literal explains itself.
    if (std::holds_alternative<promql::NumberLiteral>(inner.node) ||
        std::holds_alternative<promql::StringLiteral>(inner.node))
      return;
    ExplainedPart part;
    part.depth = depth;
    part.text = promql::format(inner);
    part.type = promql::to_string(inner.type);
    const auto value = promql::evaluate(inner, history, at, options);
    if (value) {
      fill(part, *value);
    } else {
      part.error = value.error().describe();
    }
    out.push_back(std::move(part));
    // The selector inside a range is the range.
    if (std::holds_alternative<promql::MatrixSelector>(inner.node)) return;
    for (const auto* child : promql::children(inner)) add(*child, depth + 1);
  }
};

}  // namespace

std::vector<ExplainedPart> explain_expression(const promql::Expr& expr, HistoryReader& history, UtcTime at,
                                              const promql::EvalOptions& options) {
  Explainer explainer{history, at, options, {}};
  explainer.add(expr, 0);
  return std::move(explainer.out);
}

}  // namespace pgtend::engine
