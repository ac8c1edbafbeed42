#include <algorithm>

#include "agent/engine/eval_options.hpp"
#include "agent/engine/view.hpp"
#include "rules/promql/evaluator.hpp"
#include "rules/promql/parser.hpp"

// What dashboards and people ask the agent to compute.
namespace pgtend::engine {

namespace {

api::QueryResult as_result(promql::Value value) {
  api::QueryResult out;
  if (auto* vector = std::get_if<promql::Vector>(&value)) {
    out.type = "vector";
    for (auto& element : *vector) out.series.push_back({std::move(element.labels), {{element.time, element.value}}});
  } else if (auto* matrix = std::get_if<promql::Matrix>(&value)) {
    out.type = "matrix";
    for (auto& series : *matrix) out.series.push_back({std::move(series.labels), std::move(series.samples)});
  } else if (const auto* scalar = std::get_if<promql::Scalar>(&value)) {
    out.type = "scalar";
    out.series.push_back({{}, {{scalar->time, scalar->value}}});
  } else if (const auto* text = std::get_if<promql::String>(&value)) {
    out.type = "string";
    out.text = text->value;
    out.series.push_back({Labels{{"value", text->value}}, {}});
  }
  return out;
}

// Evaluates on the blocking pool; `run` gets the parsed expression, a reader of its own and the options.
template <class Run>
net::TaskResult<api::QueryResult> compute(Parts* parts, std::string expr, Millis timeout, Run run) {
  auto reader = parts->history.reader();
  if (!reader) co_return fail(std::move(reader.error()));
  const auto options = eval_options(*parts, timeout);
  auto job = [expr = std::move(expr), run, options,
              reader = std::shared_ptr<HistoryReader>(std::move(*reader))]() -> Result<api::QueryResult> {
    auto parsed = promql::parse(expr);
    if (!parsed) return fail(std::move(parsed.error()));
    auto value = run(**parsed, *reader, options);
    if (!value) return fail(std::move(value.error()));
    return as_result(promql::Value(std::move(*value)));
  };
  auto answer = co_await parts->compute(std::move(job));
  co_return answer;
}

// The matchers of each selector text; a text that is no plain selector is a parse error.
Result<std::vector<std::vector<Matcher>>> matchers_of(const std::vector<std::string>& selectors) {
  std::vector<std::vector<Matcher>> out;
  for (const auto& text : selectors) {
    auto parsed = promql::parse(text);
    if (!parsed) return fail(std::move(parsed.error()));
    const auto* selector = std::get_if<promql::VectorSelector>(&(*parsed)->node);
    const bool plain =
        selector != nullptr && selector->offset == Millis(0) && selector->at.kind == promql::AtModifier::Kind::none;
    if (!plain) return fail(Errc::parse, "1:1: parse error: a series selector is wanted, such as up{a=\"b\"}");
    out.push_back(selector->matchers);
  }
  return out;
}

}  // namespace

net::TaskResult<api::QueryResult> View::query(std::string expr, UtcTime at, Millis timeout) {
  auto run = [at](const promql::Expr& parsed, HistoryReader& reader, const promql::EvalOptions& options) {
    return promql::evaluate(parsed, reader, at, options);
  };
  auto answer = co_await compute(&parts_, std::move(expr), timeout, run);
  co_return answer;
}

net::TaskResult<api::QueryResult> View::query_range(std::string expr, TimeRange range, Millis step, Millis timeout) {
  auto run = [range, step](const promql::Expr& parsed, HistoryReader& reader,
                           const promql::EvalOptions& options) -> Result<promql::Matrix> {
    // The text is at fault here, not the evaluation.
    if (auto steppable = promql::check_range_type(parsed); !steppable) return fail(steppable.error());
    return promql::evaluate_range(parsed, reader, range.from, range.to, step, options);
  };
  auto answer = co_await compute(&parts_, std::move(expr), timeout, run);
  co_return answer;
}

net::TaskResult<std::string> View::format_query(std::string expr) {
  auto parsed = promql::parse(expr);
  if (!parsed) co_return fail(std::move(parsed.error()));
  co_return promql::format_lines(**parsed);
}

net::TaskResult<std::vector<SeriesKey>> View::history_series(std::vector<std::string> selectors, TimeRange range) {
  auto reader = parts_.history.reader();
  if (!reader) co_return fail(std::move(reader.error()));
  auto job = [selectors, range,
              reader = std::shared_ptr<HistoryReader>(std::move(*reader))]() -> Result<std::vector<SeriesKey>> {
    auto wanted = matchers_of(selectors);
    if (!wanted) return fail(std::move(wanted.error()));
    if (wanted->empty()) wanted->emplace_back();
    std::vector<SeriesKey> out;
    for (const auto& matchers : *wanted) {
      auto keys = reader->series(matchers, range);
      if (!keys) return fail(std::move(keys.error()));
      out.insert(out.end(), keys->begin(), keys->end());
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
  };
  auto keys = co_await parts_.compute(job);
  co_return keys;
}

net::TaskResult<api::HistoryPage> View::history_page(std::vector<std::string> selectors, TimeRange range,
                                                     std::optional<api::PageCursor> cursor) {
  auto reader = parts_.history.reader();
  if (!reader) co_return fail(std::move(reader.error()));
  auto job = [selectors, range, cursor,
              reader = std::shared_ptr<HistoryReader>(std::move(*reader))]() -> Result<api::HistoryPage> {
    const auto wanted = matchers_of(selectors);
    if (!wanted) return fail(wanted.error());
    return api::read_page(*reader, *wanted, range, cursor);
  };
  auto page = co_await parts_.compute(job);
  co_return page;
}

net::TaskResult<std::vector<MetricDef>> View::metrics() {
  co_return collecting_.metrics();
}

}  // namespace pgtend::engine
