#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "agent/model/history.hpp"
#include "rules/promql/evaluator.hpp"
#include "rules/promql/function.hpp"
#include "rules/promql/label_table.hpp"

namespace pgtend::promql {

struct RangeSeries {
  const Labels* labels = nullptr;
  Window window;
};

// One evaluation in progress: the loaded series, the interned labels and the budget. Private to the evaluator's files.
class Query {
 public:
  Query(HistoryReader& history, const EvalOptions& options) : history_(history), options_(options) {}

  // Loads the series of every selector for all moments from `from` to `to`. `hints` say how coarse a copy may answer.
  Result<void> load(const Expr& expr, UtcTime from, UtcTime to, ReadHints hints = {});

  Result<double> scalar(const Expr& expr, UtcTime at);
  Result<Elements> vector(const Expr& expr, UtcTime at);
  // The non-empty windows of a range selector or subquery; valid until the same node is asked again.
  Result<std::vector<RangeSeries>> windows(const Expr& expr, UtcTime at);
  // An instant selector with the time of each sample.
  Elements select(const Expr& expr, UtcTime at, std::vector<UtcTime>* times = nullptr);

  [[nodiscard]] LabelTable& labels() { return labels_; }

  // Samples that stay in memory until the query ends. Errors: resource_exhausted.
  Result<void> hold(std::size_t samples);

 private:
  struct LoadedSeries {
    const Labels* labels = nullptr;
    std::vector<Sample> samples;
    std::vector<std::size_t> edges;
  };
  struct SubqueryState {
    std::unordered_map<const Labels*, std::size_t> index;
    std::vector<LoadedSeries> series;
    UtcTime first, next;  // steps in [first, next) are evaluated
    bool started = false;
  };

  Result<void> load_selector(const Expr& key, const VectorSelector& selector, TimeRange range, bool drop_stale,
                             ReadHints hints);
  Result<void> check() const;
  Result<void> require_unique(const Elements& elements) const;
  Result<std::vector<double>> scalar_args(const Call& call, UtcTime at);
  Result<Elements> call(const Call& call, UtcTime at);
  Result<Elements> over_range(const Call& call, RangeFunction run, UtcTime at);
  Result<Elements> over_values(const Call& call, MapFunction run, UtcTime at);
  Result<Elements> unary(const Unary& unary, UtcTime at);
  Result<Elements> binary(const Binary& binary, UtcTime at);
  Result<double> scalar_binary(const Binary& binary, UtcTime at);
  Result<Elements> aggregate(const Aggregate& aggregate, UtcTime at);
  Result<std::vector<RangeSeries>> subquery(const Expr& expr, const Subquery& node, UtcTime at);
  Result<void> run_subquery(SubqueryState& state, const Subquery& node, TimeRange range, Millis step);
  [[nodiscard]] Window window(const LoadedSeries& series, UtcTime from, UtcTime to, UtcTime at) const;

  HistoryReader& history_;
  const EvalOptions& options_;
  LabelTable labels_;
  std::unordered_map<const Expr*, std::vector<LoadedSeries>> loaded_;
  std::unordered_map<const Expr*, SubqueryState> subqueries_;
  std::size_t held_ = 0;
  std::size_t subquery_steps_ = 0;
};

// {__name__="up", job="a"}, as matching errors name a series.
[[nodiscard]] std::string label_list_text(const Labels& labels);

// --- operators (operators.cpp) and vector matching (matching.cpp)
struct Outcome {
  double value = 0;
  bool keep = true;  // false: a comparison that does not hold
};
[[nodiscard]] Outcome apply(BinaryOp op, double left, double right);
[[nodiscard]] Result<Elements> match_vectors(LabelTable& labels, const Binary& node, const Elements& lhs,
                                             const Elements& rhs);
[[nodiscard]] Elements combine_sets(LabelTable& labels, const Binary& node, const Elements& lhs, const Elements& rhs);
[[nodiscard]] Elements with_scalar(LabelTable& labels, const Binary& node, Elements elements, double scalar,
                                   bool scalar_is_left);

// --- aggregation.cpp
[[nodiscard]] Result<Elements> aggregate_elements(LabelTable& labels, const Aggregate& node, const Elements& input,
                                                  double param, const std::string& label);

}  // namespace pgtend::promql
