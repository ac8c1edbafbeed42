#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/model/history.hpp"
#include "rules/promql/evaluator.hpp"
#include "rules/promql/function.hpp"
#include "rules/promql/label_table.hpp"
#include "rules/promql/value.hpp"

namespace pgtend::promql {

struct RangeSeries {
  const Labels* labels = nullptr;
  const Labels* bare = nullptr;  // without the name
  Window window;
};

// One evaluation in progress: the loaded series, the interned labels and the budget. Private to the evaluator's files.
class Query {
 public:
  // `whole`: the first and the last moment that will be asked for; what @ start() and @ end() mean.
  Query(HistoryReader& history, const EvalOptions& options, TimeRange whole, Millis step = Millis(0));
  ~Query();

  // Loads the series of every selector for all moments of `range`. `hints` say how coarse a copy may answer.
  Result<void> load(const Expr& expr, TimeRange range, ReadHints hints = {});

  Result<double> scalar(const Expr& expr, UtcTime at);
  Result<Elements> vector(const Expr& expr, UtcTime at);
  // The non-empty windows of a range selector or subquery; valid until the same node is asked again.
  Result<std::vector<RangeSeries>> windows(const Expr& expr, UtcTime at);
  // An instant selector with the time of each sample.
  Elements select(const Expr& expr, UtcTime at, std::vector<UtcTime>* times = nullptr);
  // An instant selector at every step of the query, series by series, in no order. Errors: timeout, resource_exhausted.
  Result<Matrix> select_steps(const Expr& expr);

  [[nodiscard]] LabelTable& labels() { return labels_; }
  [[nodiscard]] const EvalOptions& options() const { return options_; }

  // Samples that stay in memory until the query ends. Errors: resource_exhausted.
  Result<void> hold(std::size_t samples);
  // Whether the query may go on. Errors: timeout, resource_exhausted (labels).
  Result<void> check() const;

 private:
  struct LoadedSeries {
    const Labels* labels = nullptr;
    const Labels* bare = nullptr;  // of a range selector or subquery: without the name
    std::vector<Sample> samples;
    std::vector<std::size_t> edges;
    Millis lookback{0};                             // of an instant selector
    std::optional<std::vector<std::size_t>> falls;  // of a range selector: see Window
    // Borders of the last window: those of the next step are near.
    std::size_t begin = 0, end = 0;
  };
  struct SubqueryState {
    std::unordered_map<const Labels*, std::size_t> index;
    std::vector<LoadedSeries> series;
    UtcTime first, next;  // steps in [first, next) are evaluated
    bool started = false;
  };

  struct Ahead;

  Result<void> load_instant(const Expr& key, const VectorSelector& selector, TimeRange moments, ReadHints hints);
  Result<void> load_selector(const Expr& key, const std::vector<Matcher>& matchers, TimeRange range, bool drop_stale,
                             ReadHints hints);
  // Where a selector or subquery looks when the expression around it is evaluated at `at`, offset not yet applied.
  [[nodiscard]] UtcTime moment(const AtModifier& fixed, UtcTime at) const;
  Result<void> require_unique(const Elements& elements) const;
  // over_range() at `at`, looking ahead when the steps of the query go on: see ahead.cpp. nullopt: it cannot be.
  Result<std::optional<Elements>> from_ahead(const Call& call, RangeFunction run, std::span<const double> args,
                                             UtcTime at);
  Result<void> look_ahead(Ahead& ahead, const Call& call, const Expr& arg, RangeFunction run,
                          std::span<const double> args, UtcTime at);
  // A function over a selector's windows whose results differ in their labels whatever the step.
  bool is_distinct(const Call& call);
  Result<std::vector<double>> scalar_args(const Call& call, UtcTime at);
  Result<Elements> call(const Call& call, UtcTime at);
  Result<Elements> over_range(const Call& call, RangeFunction run, UtcTime at);
  Result<Elements> over_values(const Call& call, MapFunction run, UtcTime at);
  Result<Elements> unary(const Unary& unary, UtcTime at);
  Result<Elements> binary(const Binary& binary, UtcTime at);
  Result<double> scalar_binary(const Binary& binary, UtcTime at);
  Result<Elements> aggregate(const Aggregate& aggregate, UtcTime at);
  Result<std::vector<RangeSeries>> subquery(const Expr& expr, const Subquery& node, UtcTime at);
  // Over many moments, results of one name are one series: they cannot be made of two. Errors: invalid_argument.
  Result<void> require_one_source(const void* node, const Labels* result, const Labels* source);
  Result<void> run_subquery(SubqueryState& state, const Subquery& node, TimeRange range, Millis step);
  // The sample of a series that an instant selector sees at `newest`, offset applied; nullptr when there is none.
  [[nodiscard]] const Sample* seen_at(LoadedSeries& series, UtcTime newest) const;
  [[nodiscard]] Window window(LoadedSeries& series, UtcTime from, UtcTime to, UtcTime at) const;

  HistoryReader& history_;
  const EvalOptions& options_;
  TimeRange whole_;
  LabelTable labels_;
  std::unordered_map<const Expr*, std::vector<LoadedSeries>> loaded_;
  std::unordered_map<const Expr*, SubqueryState> subqueries_;
  std::unordered_map<const Call*, bool> distinct_;
  // Of what takes names away: which series each result was made of, at any moment so far.
  std::unordered_map<const void*, std::unordered_map<const Labels*, const Labels*>> sources_;
  std::unordered_map<const Call*, std::unique_ptr<Ahead>> ahead_;
  Millis step_{0};  // of the moments that will be asked for; 0: there is one
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
