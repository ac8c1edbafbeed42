#include <algorithm>
#include <limits>

#include "rules/promql/query.hpp"

// Functions over range selectors, computed for some steps of one series before the next: its samples are then near,
// which halves the time of a rate over many series (measured).
namespace pgtend::promql {

namespace {

// Steps at a time, and results held at most for one call.
constexpr std::size_t kSteps = 32;
constexpr std::size_t kResults = 1 << 18;

}  // namespace

struct Query::Ahead {
  UtcTime asked{};        // the moment asked for last
  bool stepping = false;  // and it was one step after the one before
  UtcTime from{};         // the results are those of `steps` moments from here on
  std::size_t steps = 0;
  std::vector<const Labels*> labels;  // of each series
  std::vector<double> values;         // `steps` of each series
  std::vector<std::uint32_t> known;   // bit by step: there is a result
};

Query::Query(HistoryReader& history, const EvalOptions& options, TimeRange whole, Millis step)
    : history_(history), options_(options), whole_(whole), step_(step) {}
Query::~Query() = default;

Result<std::optional<Elements>> Query::from_ahead(const Call& call, RangeFunction run, std::span<const double> args,
                                                  UtcTime at) {
  if (step_ <= Millis(0)) return std::optional<Elements>();
  const auto [found, fresh] = ahead_.try_emplace(&call);
  if (fresh) {
    const auto plain = [](const ExprPtr& arg) {
      const Expr& inner = unwrap(*arg);
      return std::holds_alternative<NumberLiteral>(inner.node) || std::holds_alternative<MatrixSelector>(inner.node);
    };
    // Other arguments may differ from step to step, and a subquery moves with its steps.
    if (std::all_of(call.args.begin(), call.args.end(), plain)) found->second = std::make_unique<Ahead>();
  }
  if (!found->second) return std::optional<Elements>();
  auto& ahead = *found->second;
  // A call inside a subquery is asked at other steps than the query's.
  ahead.stepping = at == ahead.asked + step_;
  ahead.asked = at;
  auto column = ahead.steps == 0 || at < ahead.from ? ahead.steps : static_cast<std::size_t>((at - ahead.from) / step_);
  if (column >= ahead.steps || at != ahead.from + step_ * static_cast<std::int64_t>(column)) {
    if (!ahead.stepping && at != whole_.from) return std::optional<Elements>();
    const auto matrix = std::find_if(call.args.begin(), call.args.end(),
                                     [](const ExprPtr& arg) { return arg->type == ValueType::matrix; });
    if (auto looked = look_ahead(ahead, call, **matrix, run, args, at); !looked) return fail(looked.error());
    column = 0;
  }
  Elements out;
  out.reserve(ahead.labels.size());
  for (std::size_t i = 0; i < ahead.labels.size(); ++i)
    if ((ahead.known[i] >> column & 1) != 0) out.push_back({ahead.labels[i], ahead.values[i * ahead.steps + column]});
  return std::optional<Elements>(std::move(out));
}

Result<void> Query::look_ahead(Ahead& ahead, const Call& call, const Expr& arg, RangeFunction run,
                               std::span<const double> args, UtcTime at) {
  const auto& matrix = std::get<MatrixSelector>(unwrap(arg).node);
  auto& loaded = loaded_[&unwrap(arg)];
  const auto& selector = std::get<VectorSelector>(matrix.selector->node);
  const auto left = static_cast<std::size_t>(std::max<std::int64_t>((whole_.to - at) / step_, 0)) + 1;
  ahead.from = at;
  ahead.steps = std::max<std::size_t>(1, std::min({kSteps, left, kResults / std::max<std::size_t>(loaded.size(), 1)}));
  ahead.labels.resize(loaded.size());
  ahead.values.resize(loaded.size() * ahead.steps);
  ahead.known.assign(loaded.size(), 0);
  for (std::size_t i = 0; i < loaded.size(); ++i) {
    if (auto in_time = check(); !in_time) return in_time;
    ahead.labels[i] = call.function->keeps_name ? loaded[i].labels : loaded[i].bare;
    for (std::size_t step = 0; step < ahead.steps; ++step) {
      const auto moment_at = at + step_ * static_cast<std::int64_t>(step);
      const UtcTime to = moment(selector.at, moment_at) - selector.offset;
      const auto seen = window(loaded[i], to - matrix.range, to, moment_at);
      const auto value = seen.samples.empty() ? std::nullopt : run(seen, args);
      if (!value) continue;
      ahead.values[i * ahead.steps + step] = *value;
      ahead.known[i] |= std::uint32_t{1} << step;
    }
  }
  return {};
}

}  // namespace pgtend::promql
