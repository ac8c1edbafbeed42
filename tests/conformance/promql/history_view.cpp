#include "tests/conformance/promql/history_view.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <stdexcept>

#include "rules/promql/parser.hpp"

namespace pgtend::test {

namespace {

api::QueryResult as_result(promql::Value value) {
  api::QueryResult out;
  if (auto* vector = std::get_if<promql::Vector>(&value)) {
    for (auto& one : *vector) out.series.push_back({std::move(one.labels), {{one.time, one.value}}});
  } else if (auto* matrix = std::get_if<promql::Matrix>(&value)) {
    out.type = "matrix";
    for (auto& one : *matrix) out.series.push_back({std::move(one.labels), std::move(one.samples)});
  } else if (const auto* scalar = std::get_if<promql::Scalar>(&value)) {
    out.type = "scalar";
    out.series.push_back({{}, {{scalar->time, scalar->value}}});
  } else {
    out.type = "string";
    out.text = std::get<promql::String>(value).value;
  }
  return out;
}

}  // namespace

HistoryView::HistoryView(const Dataset& data) {
  options.left_open = false;  // Debian's Prometheus is 2.42
  for (const auto& series : data) {
    std::vector<Sample> samples;
    for (const auto& sample : series.samples)
      if (!is_stale(sample.value)) samples.push_back(sample);
    if (samples.empty()) continue;
    if (auto added = history_.add(series.key, std::move(samples)); !added)
      throw std::runtime_error(added.error().describe());
  }
}

net::TaskResult<api::QueryResult> HistoryView::query(std::string text, UtcTime at, Millis) {
  const auto parsed = promql::parse(text);
  if (!parsed) co_return fail(parsed.error());
  auto value = promql::evaluate(**parsed, history_, at, options);
  if (!value) co_return fail(value.error());
  co_return as_result(std::move(*value));
}

net::TaskResult<api::QueryResult> HistoryView::query_range(std::string text, TimeRange asked, Millis asked_step,
                                                           Millis) {
  const auto parsed = promql::parse(text);
  if (!parsed) co_return fail(parsed.error());
  auto value = promql::evaluate_range(**parsed, history_, asked.from, asked.to, asked_step, options);
  if (!value) co_return fail(value.error());
  co_return as_result(promql::Value(std::move(*value)));
}

net::TaskResult<std::string> HistoryView::format_query(std::string text) {
  const auto parsed = promql::parse(text);
  if (!parsed) co_return fail(parsed.error());
  co_return promql::format_lines(**parsed);
}

net::TaskResult<std::vector<SeriesKey>> HistoryView::history_series(std::vector<std::string> asked,
                                                                    TimeRange asked_range) {
  std::vector<SeriesKey> out;
  if (asked.empty()) asked.push_back("{__name__!=\"\"}");
  for (const auto& text : asked) {
    const auto parsed = promql::parse(text);
    if (!parsed) co_return fail(parsed.error());
    for (const auto& matchers : promql::selectors(**parsed)) {
      const auto keys = history_.series(matchers, asked_range);
      out.insert(out.end(), keys->begin(), keys->end());
    }
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  co_return out;
}

AgentServer::AgentServer(const Dataset& data) : view_(data), router_(api::make_router(view_, board_, clock_)) {}

HttpAnswer AgentServer::respond(http::Request request) {
  request.identity = {"anonymous", http::Right::viewer};
  net::asio::io_context context(1);
  http::Response response;
  auto task = [&]() -> net::Task<void> {
    auto answer = co_await router_.respond(request);
    response = std::move(answer);
  };
  auto ended = [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  };
  net::asio::co_spawn(context, task(), ended);
  context.run();
  return {response.status, response.body};
}

HttpAnswer AgentServer::post(const std::string& path, const Parameters& parameters) {
  http::Request request;
  request.method = "POST";
  request.path = "/api/v1/" + path;
  request.headers["content-type"] = "application/x-www-form-urlencoded";
  request.body = encode_form(parameters);
  return respond(std::move(request));
}

HttpAnswer AgentServer::get(const std::string& path, const Parameters& parameters) {
  http::Request request;
  request.method = "GET";
  if (!http::split_target("/api/v1/" + path + "?" + encode_form(parameters), request))
    throw std::runtime_error("bad target " + path);
  return respond(std::move(request));
}

}  // namespace pgtend::test
