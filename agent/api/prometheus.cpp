#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/api/handlers.hpp"
#include "agent/api/prometheus_answer.hpp"

// Prometheus's HTTP API over the stored history, so that Grafana takes the agent for a Prometheus.
namespace pgtend::api {

namespace {

using http::Request;
using http::Response;
namespace prom = prometheus;

// Points of one series. Source: Prometheus, web/api/v1.
constexpr std::int64_t kMostPoints = 11'000;
// Keys of one answer. Source: 200 bytes each keep the longest answer at 10 MB.
constexpr std::size_t kMostKeys = 50'000;
// Source: the last second of the year 9999, which stands for "until ever".
constexpr UtcTime kEver{Millis(253'402'300'799'000LL)};

// 0: none is asked for; below 0: the time is over before the query begins.
Result<Millis> timeout_of(const Request& request) {
  if (prom::value_of(request, "timeout").empty()) return Millis(0);
  auto timeout = prom::duration_of(request, "timeout");
  if (timeout && timeout->count() <= 0) return Millis(-1);
  return timeout;
}

// Prometheus says what it cannot read all the same.
net::Task<Response> too_late(Context context, std::string expr, std::string parameter) {
  auto read = co_await context.view.format_query(std::move(expr));
  if (!read) co_return prom::failure(read.error(), parameter);
  co_return prom::failure(Error{Errc::timeout, "query timed out in query queue"}, parameter);
}

net::Task<Response> query(Context context, Request request) {
  const auto at = prom::time_of(request, "time", context.clock.now());
  if (!at) co_return prom::bad_data(at.error().message);
  const auto timeout = timeout_of(request);
  if (!timeout) co_return prom::bad_data(timeout.error().message);
  const auto expr = prom::value_of(request, "query");
  const auto moment = *at;
  const auto limit = *timeout;
  if (limit < Millis(0)) co_return co_await too_late(context, expr, "query");
  auto result = co_await context.view.query(expr, moment, limit);
  if (!result) co_return prom::failure(result.error(), "query");
  co_return prom::query_answer(*result, moment);
}

struct Steps {
  TimeRange range{};
  Millis step{0}, timeout{0};
};

Result<Steps> steps_of(const Request& request) {
  const auto start = prom::time_of(request, "start", std::nullopt);
  if (!start) return fail(start.error());
  const auto end = prom::time_of(request, "end", std::nullopt);
  if (!end) return fail(end.error());
  if (*end < *start)
    return fail(Errc::invalid_argument, "invalid parameter \"end\": end timestamp must not be before start time");
  const auto step = prom::duration_of(request, "step");
  if (!step) return fail(step.error());
  if (step->count() <= 0)
    return fail(Errc::invalid_argument,
                "invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a "
                "positive integer");
  if ((*end - *start) / *step > kMostPoints)
    return fail(Errc::invalid_argument,
                "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution "
                "(?step=XX)");
  const auto timeout = timeout_of(request);
  if (!timeout) return fail(timeout.error());
  return Steps{{*start, *end}, *step, *timeout};
}

net::Task<Response> query_range(Context context, Request request) {
  const auto steps = steps_of(request);
  if (!steps) co_return prom::bad_data(steps.error().message);
  const auto expr = prom::value_of(request, "query");
  const auto [range, step, timeout] = *steps;
  if (timeout < Millis(0)) co_return co_await too_late(context, expr, "");
  auto result = co_await context.view.query_range(expr, range, step, timeout);
  // Prometheus names the parameter of an instant query only.
  if (!result) co_return prom::failure(result.error(), "");
  result->type = "matrix";
  co_return prom::query_answer(*result, range.from);
}

net::Task<Response> format_query(Context context, Request request) {
  const auto expr = prom::value_of(request, "query");
  auto text = co_await context.view.format_query(expr);
  if (!text) co_return prom::failure(text.error(), "query");
  co_return prom::success(Json(*text));
}

struct Keys {
  std::vector<SeriesKey> found;
  std::size_t limit = 0;
};

// The stored series that match[] names, between start and end.
net::Task<Result<Keys>> keys_of(Context context, Request request, std::vector<std::string> selectors) {
  const auto start = prom::time_of(request, "start", UtcTime{});
  if (!start) co_return fail(start.error());
  const auto end = prom::time_of(request, "end", kEver);
  if (!end) co_return fail(end.error());
  const auto limit = prom::limit_of(request, "limit");
  if (!limit) co_return fail(limit.error());
  // A range that ends before it begins has no series, but what is asked is looked at all the same.
  const TimeRange range{*start, std::max(*start, *end)};
  auto keys = co_await context.view.history_series(std::move(selectors), range);
  if (!keys) co_return fail(std::move(keys.error()));
  if (*end < *start) keys->clear();
  co_return Keys{std::move(*keys), *limit == 0 ? kMostKeys : std::min(*limit, kMostKeys)};
}

// Of `parameter` the error says whose value it is; empty: nobody's.
Response keys_failed(const Error& error, const std::string& parameter) {
  if (error.message.ends_with("vector selector must contain at least one non-empty matcher"))
    return prom::bad_data((parameter.empty() ? "" : "invalid parameter \"" + parameter + "\": ") +
                          std::string("match[] must contain at least one non-empty matcher"));
  return error.code == Errc::invalid_argument ? prom::bad_data(error.message) : prom::failure(error, parameter);
}

// Cuts a list to its limit and says so.
std::vector<std::string> cut(Json& list, std::size_t limit) {
  if (list.size() <= limit) return {};
  list.erase(list.begin() + static_cast<std::ptrdiff_t>(limit), list.end());
  return {"results truncated due to limit"};
}

net::Task<Response> series(Context context, Request request) {
  auto selectors = prom::values_of(request, "match[]");
  if (selectors.empty()) co_return prom::bad_data("no match[] parameter provided");
  auto keys = co_await keys_of(context, std::move(request), std::move(selectors));
  if (!keys) co_return keys_failed(keys.error(), "match[]");
  auto list = Json::array();
  for (const auto& key : keys->found) {
    if (list.size() > keys->limit) break;
    list.push_back(prom::labels_object(key));
  }
  const auto warnings = cut(list, keys->limit);
  co_return prom::success(list, warnings);
}

net::Task<Response> labels(Context context, Request request) {
  auto selectors = prom::values_of(request, "match[]");
  auto keys = co_await keys_of(context, std::move(request), std::move(selectors));
  if (!keys) co_return keys_failed(keys.error(), "");
  std::set<std::string> names;
  for (const auto& key : keys->found) {
    names.insert("__name__");
    for (const auto& [name, value] : key.labels) names.insert(name);
  }
  Json list(names);
  const auto warnings = cut(list, keys->limit);
  co_return prom::success(list, warnings);
}

// "U__my_2e_metric" is how an address spells a name that is no identifier.
std::optional<std::string> label_name(const std::string& text) {
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_word) || (text[0] >= '0' && text[0] <= '9'))
    return std::nullopt;
  if (!text.starts_with("U__")) return text;
  std::string out;
  for (std::size_t i = 3; i < text.size(); ++i) {
    if (text[i] != '_') {
      out += text[i];
    } else if (i + 1 < text.size() && text[i + 1] == '_') {
      out += '_';
      ++i;
    } else {
      const auto end = text.find('_', i + 1);
      if (end == std::string::npos || end - i > 3) return text;
      // One byte at a time: a longer code is no name that a collector makes.
      out += static_cast<char>(std::strtoul(text.substr(i + 1, end - i - 1).c_str(), nullptr, 16));
      i = end;
    }
  }
  return out;
}

net::Task<Response> label_values(Context context, Request request) {
  const auto written = request.parameters.at("name");
  const auto name = label_name(written);
  if (!name)
    co_return prom::bad_data("invalid label name: " +
                             Json(written).dump(-1, ' ', false, Json::error_handler_t::replace));
  auto selectors = prom::values_of(request, "match[]");
  auto keys = co_await keys_of(context, std::move(request), std::move(selectors));
  if (!keys) co_return keys_failed(keys.error(), "");
  std::set<std::string> values;
  for (const auto& key : keys->found) {
    const std::string value(*name == "__name__" ? std::string_view(key.name) : key.labels.get(*name));
    if (!value.empty()) values.insert(value);
  }
  Json list(values);
  const auto warnings = cut(list, keys->limit);
  co_return prom::success(list, warnings);
}

net::Task<Response> metadata(Context context, Request request) {
  const auto limit = prom::limit_of(request, "limit");
  if (!limit) co_return prom::bad_data("limit must be a number");
  const auto wanted = prom::value_of(request, "metric");
  const std::size_t most = prom::value_of(request, "limit").empty() ? kMostKeys : *limit;
  auto defs = co_await context.view.metrics();
  if (!defs) co_return prom::failure(defs.error(), "metric");
  auto data = Json::object();
  const auto add = [&](const std::string& name, const MetricDef& def) {
    if (name.empty() || (!wanted.empty() && name != wanted) || data.size() >= most || data.contains(name)) return;
    data[name] = Json::array(
        {{{"type", def.kind == MetricKind::counter ? "counter" : "gauge"}, {"help", def.help}, {"unit", def.unit}}});
  };
  for (const auto& def : *defs) add(def.name, def);
  for (const auto& def : *defs) add(def.exporter_name, def);
  co_return prom::success(data);
}

// There are none; what is asked is looked at as Prometheus does.
net::Task<Response> exemplars(Context context, Request request) {
  const auto start = prom::time_of(request, "start", UtcTime{});
  if (!start) co_return prom::bad_data(start.error().message);
  const auto end = prom::time_of(request, "end", kEver);
  if (!end) co_return prom::bad_data(end.error().message);
  if (*end < *start) co_return prom::bad_data("end timestamp must not be before start timestamp");
  auto read = co_await context.view.format_query(prom::value_of(request, "query"));
  if (!read) co_return prom::failure(read.error(), "");
  co_return prom::success(Json::array());
}

}  // namespace

void add_prometheus(http::Router& router, Context context) {
  prom::add_both<query>(router, context, "/api/v1/query");
  prom::add_both<query_range>(router, context, "/api/v1/query_range");
  prom::add_both<format_query>(router, context, "/api/v1/format_query");
  prom::add_both<exemplars>(router, context, "/api/v1/query_exemplars");
  prom::add_both<series>(router, context, "/api/v1/series");
  prom::add_both<labels>(router, context, "/api/v1/labels");
  prom::add_both<label_values>(router, context, "/api/v1/label/{name}/values");
  prom::add_both<metadata>(router, context, "/api/v1/metadata");
}

}  // namespace pgtend::api
