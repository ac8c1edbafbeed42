#include "rules/promql/evaluator.hpp"

#include <algorithm>

#include "rules/promql/query.hpp"

namespace pgtend::promql {

namespace {

Result<void> check_depth(const Expr& expr, const EvalOptions& options) {
  if (expr.depth <= options.max_depth) return {};
  return fail(Errc::resource_exhausted,
              "expression is nested deeper than " + std::to_string(options.max_depth) + " levels");
}

// Source: the last millisecond of the year 9999, which RFC 3339 can still write; keeps every sum of times in range.
constexpr UtcTime kLatest{Millis(253'402'300'799'999LL)};

Result<void> check_time(UtcTime at) {
  if (at.time_since_epoch() <= kLatest.time_since_epoch() && at.time_since_epoch() >= -kLatest.time_since_epoch()) {
    return {};
  }
  return fail(Errc::invalid_argument, "the time of evaluation is out of range");
}

// Only a step of a range query asks for many moments. Source: Prometheus's own limit of points per series.
constexpr std::int64_t kMaxSteps = 1'000'000;

}  // namespace

Result<double> Query::scalar(const Expr& expr, UtcTime at) {
  if (const auto* number = std::get_if<NumberLiteral>(&expr.node)) return number->value;
  if (const auto* paren = std::get_if<Paren>(&expr.node)) return scalar(*paren->expr, at);
  if (const auto* sign = std::get_if<Unary>(&expr.node)) {
    auto value = scalar(*sign->expr, at);
    if (value && sign->negative) *value = -*value;
    return value;
  }
  if (const auto* operation = std::get_if<Binary>(&expr.node)) return scalar_binary(*operation, at);
  const auto& node = std::get<Call>(expr.node);
  return std::get<ScalarFunction>(node.function->run)(*this, node, at);
}

Result<Elements> Query::vector(const Expr& expr, UtcTime at) {
  if (auto in_time = check(); !in_time) return fail(in_time.error());
  if (std::holds_alternative<VectorSelector>(expr.node)) return select(expr, at);
  if (const auto* paren = std::get_if<Paren>(&expr.node)) return vector(*paren->expr, at);
  if (const auto* node = std::get_if<Aggregate>(&expr.node)) return aggregate(*node, at);
  Result<Elements> out = fail(Errc::internal, "expression gives no instant vector");
  if (const auto* node = std::get_if<Call>(&expr.node)) {
    out = call(*node, at);
    if (is_distinct(*node)) return out;
  } else if (const auto* operation = std::get_if<Binary>(&expr.node)) {
    out = binary(*operation, at);
  } else if (const auto* sign = std::get_if<Unary>(&expr.node)) {
    out = unary(*sign, at);
  }
  if (!out) return out;
  if (auto unique = require_unique(*out); !unique) return fail(unique.error());
  return out;
}

Result<void> Query::require_unique(const Elements& elements) const {
  std::vector<const Labels*> seen;
  seen.reserve(elements.size());
  for (const auto& element : elements) seen.push_back(element.labels);
  std::sort(seen.begin(), seen.end(), std::less<>());
  if (std::adjacent_find(seen.begin(), seen.end()) == seen.end()) return {};
  return fail(Errc::invalid_argument, "vector cannot contain metrics with the same labelset");
}

Result<void> Query::require_one_source(const void* node, const Labels* result, const Labels* source) {
  const auto [known, fresh] = sources_[node].try_emplace(result, source);
  if (fresh || known->second == source) return {};
  return fail(Errc::invalid_argument, "vector cannot contain metrics with the same labelset");
}

bool Query::is_distinct(const Call& call) {
  if (!std::holds_alternative<RangeFunction>(call.function->run)) return false;
  const auto [known, fresh] = distinct_.try_emplace(&call, false);
  if (!fresh) return known->second;
  const auto range = std::find_if(call.args.begin(), call.args.end(),
                                  [](const ExprPtr& arg) { return arg->type == ValueType::matrix; });
  const Expr& inner = unwrap(**range);
  // The series of a subquery are known only when all its steps are done.
  if (std::holds_alternative<Subquery>(inner.node)) return false;
  Elements all;
  for (const auto& series : loaded_[&inner])
    all.push_back({call.function->keeps_name ? series.labels : series.bare, 0});
  known->second = require_unique(all).has_value();
  return known->second;
}

Result<std::vector<double>> Query::scalar_args(const Call& call, UtcTime at) {
  std::vector<double> out;
  for (const auto& arg : call.args) {
    if (arg->type != ValueType::scalar) continue;
    const auto value = scalar(*arg, at);
    if (!value) return fail(value.error());
    out.push_back(*value);
  }
  return out;
}

Result<Elements> Query::call(const Call& call, UtcTime at) {
  const auto& run = call.function->run;
  if (const auto* range = std::get_if<RangeFunction>(&run)) return over_range(call, *range, at);
  if (const auto* map = std::get_if<MapFunction>(&run)) return over_values(call, *map, at);
  return std::get<VectorFunction>(run)(*this, call, at);
}

Result<Elements> Query::over_range(const Call& call, RangeFunction run, UtcTime at) {
  const auto args = scalar_args(call, at);
  if (!args) return fail(args.error());
  const auto range = std::find_if(call.args.begin(), call.args.end(),
                                  [](const ExprPtr& arg) { return arg->type == ValueType::matrix; });
  const bool distinct = is_distinct(call);
  Result<std::optional<Elements>> ahead = std::nullopt;
  if (distinct) ahead = from_ahead(call, run, *args, at);
  if (!ahead) return fail(ahead.error());
  if (*ahead) return std::move(**ahead);
  const auto series = windows(**range, at);
  if (!series) return fail(series.error());
  Elements out;
  out.reserve(series->size());
  for (const auto& one : *series) {
    const auto value = run(one.window, *args);
    if (!value) continue;
    const auto* labels = call.function->keeps_name ? one.labels : one.bare;
    if (!distinct)
      if (auto alone = require_one_source(&call, labels, one.labels); !alone) return fail(alone.error());
    out.push_back({labels, *value});
  }
  return out;
}

Result<Elements> Query::over_values(const Call& call, MapFunction run, UtcTime at) {
  const auto args = scalar_args(call, at);
  if (!args) return fail(args.error());
  auto elements = vector(*call.args.front(), at);
  if (!elements) return elements;
  for (auto& element : *elements) element = {labels_.without_name(element.labels), run(element.value, *args)};
  return elements;
}

Result<Elements> Query::unary(const Unary& unary, UtcTime at) {
  auto elements = vector(*unary.expr, at);
  if (!elements || !unary.negative) return elements;
  for (auto& element : *elements) {
    const auto* bare = labels_.without_name(element.labels);
    if (auto alone = require_one_source(&unary, bare, element.labels); !alone) return fail(alone.error());
    element = {bare, -element.value};
  }
  return elements;
}

Result<Elements> Query::aggregate(const Aggregate& aggregate, UtcTime at) {
  double param = 0;
  std::string label;
  if (aggregate.op == AggregateOp::count_values) {
    label = std::get<StringLiteral>(unwrap(*aggregate.param).node).value;
  } else if (aggregate.param) {
    const auto value = scalar(*aggregate.param, at);
    if (!value) return fail(value.error());
    param = *value;
  }
  const auto input = vector(*aggregate.expr, at);
  if (!input) return input;
  return aggregate_elements(labels_, aggregate, *input, param, label);
}

namespace {

// An instant selector of a query of one moment wants nothing but the newest sample.
ReadHints only_last(UtcTime at) {
  ReadHints hints;
  hints.first = at;
  hints.every = Millis(1);
  return hints;
}

// Evaluates at each step, and gathers what each set of labels has.
Result<Matrix> step_by_step(Query& query, const Expr& expr, TimeRange range, Millis step) {
  Matrix matrix;
  // Most series of a dashboard have a sample at every step.
  constexpr std::size_t kReserve = 256;
  const auto steps_left = [&](UtcTime at) { return static_cast<std::size_t>((range.to - at) / step) + 1; };
  std::unordered_map<const Labels*, std::size_t> index;
  std::vector<std::pair<const Labels*, std::size_t>> before;  // elements of one step come in the order of the last
  const Labels* none = query.labels().intern(Labels());
  for (UtcTime at = range.from; at <= range.to; at += step) {
    Elements elements;
    if (expr.type == ValueType::scalar) {
      const auto value = query.scalar(expr, at);
      if (!value) return fail(value.error());
      elements.push_back({none, *value});
    } else {
      auto found = query.vector(expr, at);
      if (!found) return fail(found.error());
      elements = std::move(*found);
    }
    if (auto held = query.hold(elements.size()); !held) return fail(held.error());
    before.resize(elements.size(), {nullptr, 0});
    for (std::size_t i = 0; i < elements.size(); ++i) {
      const auto& element = elements[i];
      if (before[i].first != element.labels) {
        const auto [found, added] = index.try_emplace(element.labels, matrix.size());
        if (added) {
          matrix.push_back({*element.labels, {}});
          // One that comes later may be one of very many that each have few.
          if (at == range.from) matrix.back().samples.reserve(std::min(steps_left(at), kReserve));
        }
        before[i] = {element.labels, found->second};
      }
      matrix[before[i].second].samples.push_back({at, element.value});
    }
  }
  return matrix;
}

}  // namespace

Result<Value> evaluate(const Expr& expr, HistoryReader& history, UtcTime at, const EvalOptions& options) {
  if (auto shallow = check_depth(expr, options); !shallow) return fail(shallow.error());
  if (auto possible = check_time(at); !possible) return fail(possible.error());
  if (expr.type == ValueType::string) return String{at, std::get<StringLiteral>(unwrap(expr).node).value};
  Query query(history, options, {at, at});
  if (auto loaded = query.load(expr, {at, at}, only_last(at)); !loaded) return fail(loaded.error());
  if (expr.type == ValueType::scalar) {
    const auto value = query.scalar(expr, at);
    if (!value) return fail(value.error());
    return Scalar{at, *value};
  }
  if (expr.type == ValueType::matrix) {
    const auto windows = query.windows(expr, at);
    if (!windows) return fail(windows.error());
    Matrix matrix;
    for (const auto& series : *windows) {
      matrix.push_back({*series.labels, {series.window.samples.begin(), series.window.samples.end()}});
    }
    return matrix;
  }
  const auto elements = query.vector(expr, at);
  if (!elements) return fail(elements.error());
  Vector vector;
  for (const auto& element : *elements) vector.push_back({*element.labels, at, element.value});
  return vector;
}

Result<void> check_range_type(const Expr& expr) {
  if (expr.type == ValueType::scalar || expr.type == ValueType::vector) return {};
  return fail(Errc::parse, "invalid expression type \"" + std::string(to_string(expr.type)) +
                               "\" for range query, must be Scalar or instant Vector");
}

Result<Matrix> evaluate_range(const Expr& expr, HistoryReader& history, UtcTime from, UtcTime to, Millis step,
                              const EvalOptions& options) {
  if (auto shallow = check_depth(expr, options); !shallow) return fail(shallow.error());
  for (const UtcTime bound : {from, to}) {
    if (auto possible = check_time(bound); !possible) return fail(possible.error());
  }
  if (step.count() <= 0) return fail(Errc::invalid_argument, "the step of a range query must be above 0");
  if (to < from) return fail(Errc::invalid_argument, "the end of a range query must not be before its start");
  if (auto steppable = check_range_type(expr); !steppable) return fail(steppable.error());
  if ((to - from) / step >= kMaxSteps) {
    return fail(Errc::resource_exhausted, "range query would have more than " + std::to_string(kMaxSteps) + " steps");
  }
  Query query(history, options, {from, to}, step);
  ReadHints hints;
  hints.resolution = step / 2;
  hints.first = from;
  hints.every = step;
  if (auto loaded = query.load(expr, {from, to}, hints); !loaded) return fail(loaded.error());
  auto matrix = std::holds_alternative<VectorSelector>(unwrap(expr).node) ? query.select_steps(unwrap(expr))
                                                                          : step_by_step(query, expr, {from, to}, step);
  if (!matrix) return matrix;
  std::sort(matrix->begin(), matrix->end(), [](const Series& a, const Series& b) { return a.labels < b.labels; });
  return matrix;
}

}  // namespace pgtend::promql
