#include <nlohmann/json.hpp>

#include "agent/api/handlers.hpp"

namespace pgtend::api {

namespace {

using http::Request;
using http::Response;

// Points of one series. Source: Prometheus, web/api/v1, "exceeded maximum resolution of 11,000 points".
constexpr std::int64_t kMostPoints = 11'000;
constexpr Millis kHour{3'600'000};

// A duration ("30s") or seconds.
Result<Millis> step_of(const Request& request, TimeRange range) {
  const auto found = request.query.find("step");
  // About 250 points fill a screen.
  if (found == request.query.end()) return std::max(Millis(1000), Millis((range.to - range.from).count() / 250));
  const auto step = query_duration(request, "step");
  if (!step || step->count() <= 0) return fail(Errc::invalid_argument, "step is a duration such as 30s, longer than 0");
  if ((range.to - range.from) / *step > kMostPoints)
    return fail(Errc::invalid_argument, "more than 11000 points per series: take a larger step or a shorter range");
  return *step;
}

Result<std::string> expr_of(const Request& request) {
  const auto found = request.query.find("expr");
  if (found == request.query.end() || found->second.empty())
    return fail(Errc::invalid_argument, "expr is missing: ?expr=up");
  return found->second;
}

net::Task<Response> get_query(Context context, Request request) {
  const auto expr = expr_of(request);
  if (!expr) co_return error_answer(expr.error());
  const auto at = query_time(request, "at", context.clock.now());
  if (!at) co_return error_answer(at.error());
  auto result = co_await context.view.query(*expr, *at, Millis(0));
  if (!result) co_return error_answer(result.error());
  co_return item_answer(encode(*result), context.clock);
}

net::Task<Response> get_query_range(Context context, Request request) {
  const auto expr = expr_of(request);
  if (!expr) co_return error_answer(expr.error());
  const auto range = query_range(request, context.clock, kHour);
  if (!range) co_return error_answer(range.error());
  const auto step = step_of(request, *range);
  if (!step) co_return error_answer(step.error());
  auto result = co_await context.view.query_range(*expr, *range, *step, Millis(0));
  if (!result) co_return error_answer(result.error());
  co_return item_answer(encode(*result), context.clock);
}

net::Task<Response> get_series(Context context, Request request) {
  const auto range = query_range(request, context.clock, kHour);
  if (!range) co_return error_answer(range.error());
  std::vector<std::string> selectors;
  for (const auto& [name, value] : request.query_items)
    if (name == "match" || name == "match[]") selectors.push_back(value);
  auto keys = co_await context.view.history_series(std::move(selectors), *range);
  if (!keys) co_return error_answer(keys.error());
  auto items = Json::array();
  for (const auto& key : *keys) items.push_back(encode(key));
  co_return list_answer(std::move(items), context.clock);
}

}  // namespace

void add_querying(http::Router& router, Context context) {
  router.add("GET", "/v1/query", http::Right::viewer, bind(context, get_query, {{"expr", {}}, {"at", {}}}));
  router.add("GET", "/v1/query_range", http::Right::viewer,
             bind(context, get_query_range, {{"expr", {}}, {"from", {}}, {"to", {}}, {"step", {}}}));
  router.add("GET", "/v1/series", http::Right::viewer,
             bind(context, get_series, {{"match", {}}, {"match[]", {}}, {"from", {}}, {"to", {}}}));
}

}  // namespace pgtend::api
