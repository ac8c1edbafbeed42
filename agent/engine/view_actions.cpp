#include "agent/base/log.hpp"
#include "agent/change/plan_hash.hpp"
#include "agent/engine/view.hpp"
#include "rules/promql/evaluator.hpp"

// What people and dashboards ask the agent to do or to compute.
namespace pgtend::engine {

namespace {

Error no_ledger() {
  Error error;
  error.code = Errc::unavailable;
  error.message = "there is no ledger, so pgtend only recommends";
  return error;
}

// A dashboard query may take this long in the blocking pool.
constexpr std::chrono::seconds kQueryTime{5};
constexpr std::size_t kQuerySamples = 2'000'000;

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
    out.series.push_back({Labels{{"value", text->value}}, {}});
  }
  return out;
}

}  // namespace

net::TaskResult<Change> View::approve_recommendation(std::string id, std::string plan_hash, std::string actor) {
  if (changes_ == nullptr) co_return fail(no_ledger());
  auto view = co_await recommendation(id);
  if (!view) co_return fail(std::move(view.error()));
  if (view->plan_hash != plan_hash)
    co_return fail(Errc::conflict, "the plan has changed since it was shown: its hash is " + view->plan_hash +
                                       "; look at it again and approve that");
  std::string change_id = view->change_id;
  if (change_id.empty()) {
    Decision asked{DecisionKind::needs_approval, "approval", "approved by " + actor, std::nullopt};
    auto submitted = co_await changes_->submit(view->recommendation, asked);
    if (!submitted) co_return fail(std::move(submitted.error()));
    change_id = submitted->id;
  }
  auto approved = co_await changes_->approve(change_id, plan_hash, actor);
  co_return approved;
}

net::TaskResult<Change> View::approve(std::string id, std::string plan_hash, std::string actor) {
  if (changes_ == nullptr) co_return fail(no_ledger());
  auto approved = co_await changes_->approve(std::move(id), std::move(plan_hash), std::move(actor));
  co_return approved;
}

net::TaskResult<Change> View::reject(std::string id, std::string reason, std::string actor) {
  if (changes_ == nullptr) co_return fail(no_ledger());
  auto rejected = co_await changes_->reject(std::move(id), std::move(reason), std::move(actor));
  co_return rejected;
}

net::TaskResult<Change> View::undo(std::string id, std::string actor) {
  if (changes_ == nullptr) co_return fail(no_ledger());
  auto undone = co_await changes_->undo(std::move(id), std::move(actor));
  co_return undone;
}

net::TaskResult<Change> View::propose(ProposedChange plan, std::string actor) {
  if (changes_ == nullptr) co_return fail(no_ledger());
  if (plan.system_identifier.empty()) plan.system_identifier = parts_.lanes.identity().system_identifier;
  auto submitted = co_await changes_->submit_plan(std::move(plan), std::move(actor));
  co_return submitted;
}

net::TaskResult<api::FreezeView> View::set_freeze(bool frozen, std::string reason, std::string actor) {
  auto set = [frozen, actor, reason](store::Ledger& ledger) { return ledger.set_freeze(frozen, actor, reason); };
  auto done = co_await parts_.with_ledger(set);
  if (!done) co_return fail(std::move(done.error()));
  log::info(frozen ? "frozen" : "unfrozen", {{"by", actor}});
  auto view = co_await freeze_view();
  co_return view;
}

// Evaluates on the blocking pool; `run` gets the parsed expression, a reader of its own and the options.
template <class Run>
static net::TaskResult<api::QueryResult> compute(Parts* parts, std::string expr, Run run) {
  auto reader = parts->history.reader();
  if (!reader) co_return fail(std::move(reader.error()));
  promql::EvalOptions options;
  options.left_open = parts->config->rules.range_boundary == "left_open";
  options.max_samples = kQuerySamples;
  options.clock = &parts->clock;
  options.deadline = parts->clock.steady_now() + kQueryTime;
  auto job = [expr = std::move(expr), run, options,
              reader = std::shared_ptr<HistoryReader>(std::move(*reader))]() -> Result<api::QueryResult> {
    auto parsed = promql::parse(expr);
    if (!parsed) return fail(std::move(parsed.error()));
    auto value = run(**parsed, *reader, options);
    if (!value) return fail(std::move(value.error()));
    return as_result(promql::Value(std::move(*value)));
  };
  auto answer = co_await net::run_on(parts->blocking, std::move(job));
  co_return answer;
}

net::TaskResult<api::QueryResult> View::query(std::string expr, UtcTime at) {
  auto run = [at](const promql::Expr& parsed, HistoryReader& reader, const promql::EvalOptions& options) {
    return promql::evaluate(parsed, reader, at, options);
  };
  auto answer = co_await compute(&parts_, std::move(expr), run);
  co_return answer;
}

net::TaskResult<api::QueryResult> View::query_range(std::string expr, TimeRange range, Millis step) {
  auto run = [range, step](const promql::Expr& parsed, HistoryReader& reader, const promql::EvalOptions& options) {
    return promql::evaluate_range(parsed, reader, range.from, range.to, step, options);
  };
  auto answer = co_await compute(&parts_, std::move(expr), run);
  co_return answer;
}

// The matchers of every selector in the texts.
static Result<std::vector<std::vector<Matcher>>> parse_selectors(const std::vector<std::string>& texts) {
  std::vector<std::vector<Matcher>> out;
  for (const auto& text : texts) {
    auto parsed = promql::parse(text);
    if (!parsed) return fail(std::move(parsed.error()));
    for (auto& matchers : promql::selectors(**parsed)) out.push_back(std::move(matchers));
  }
  return out;
}

net::TaskResult<std::vector<SeriesKey>> View::history_series(std::vector<std::string> selectors, TimeRange range) {
  auto reader = parts_.history.reader();
  if (!reader) co_return fail(std::move(reader.error()));
  auto job = [selectors, range,
              reader = std::shared_ptr<HistoryReader>(std::move(*reader))]() -> Result<std::vector<SeriesKey>> {
    auto wanted = parse_selectors(selectors);
    if (!wanted) return fail(std::move(wanted.error()));
    if (wanted->empty()) wanted->emplace_back();
    std::vector<SeriesKey> out;
    for (const auto& matchers : *wanted) {
      auto keys = reader->series(matchers, range);
      if (!keys) return fail(std::move(keys.error()));
      out.insert(out.end(), keys->begin(), keys->end());
    }
    return out;
  };
  auto keys = co_await net::run_on(parts_.blocking, job);
  co_return keys;
}

net::TaskResult<api::HistoryPage> View::history_page(std::vector<std::string> selectors, TimeRange range,
                                                     std::optional<api::PageCursor> cursor) {
  auto reader = parts_.history.reader();
  if (!reader) co_return fail(std::move(reader.error()));
  auto job = [selectors, range, cursor,
              reader = std::shared_ptr<HistoryReader>(std::move(*reader))]() -> Result<api::HistoryPage> {
    const auto wanted = parse_selectors(selectors);
    if (!wanted) return fail(wanted.error());
    return api::read_page(*reader, *wanted, range, cursor);
  };
  auto page = co_await net::run_on(parts_.blocking, job);
  co_return page;
}

}  // namespace pgtend::engine
