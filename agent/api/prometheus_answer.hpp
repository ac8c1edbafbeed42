#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/api/handlers.hpp"
#include "agent/api/json.hpp"
#include "agent/base/result.hpp"
#include "agent/http/message.hpp"

// The shapes of Prometheus's HTTP API, shared by its handlers; private to this folder.
namespace pgtend::api::prometheus {

// The parameters of a request: those of a form body first, then those of the address, as Prometheus reads them.
// Errors: invalid_argument when the form is malformed.
[[nodiscard]] Result<http::Request> with_form(http::Request request);

// The handler on the request with its form taken in.
template <Action handle>
net::Task<http::Response> formed(Context context, http::Request request);

// Adds a path that answers GET and the POST of a form alike, for viewers.
template <Action handle>
void add_both(http::Router& router, Context context, const char* pattern) {
  for (const char* method : {"GET", "POST"})
    router.add(method, pattern, http::Right::viewer, bind(context, formed<handle>));
}

// The first value of a parameter; empty when absent.
[[nodiscard]] std::string value_of(const http::Request& request, const std::string& name);
[[nodiscard]] std::vector<std::string> values_of(const http::Request& request, const std::string& name);

// A time (RFC 3339, or seconds since 1970); `fallback` when absent, an error when absent without one.
// Errors: invalid_argument in Prometheus's words.
[[nodiscard]] Result<UtcTime> time_of(const http::Request& request, const std::string& name,
                                      std::optional<UtcTime> fallback);
// A duration ("30s") or seconds, above 0 or not. Errors: invalid_argument.
[[nodiscard]] Result<Millis> duration_of(const http::Request& request, const std::string& name);
// A count; 0 when absent. Errors: invalid_argument.
[[nodiscard]] Result<std::size_t> limit_of(const http::Request& request, const std::string& name);

// {"status":"success","data":…}.
[[nodiscard]] http::Response success(const Json& data, const std::vector<std::string>& warnings = {});
// 400 with errorType bad_data.
[[nodiscard]] http::Response bad_data(const std::string& message);
// The error of a parameter's value, or of the agent: a text that does not parse is bad_data of the parameter that held
// it (empty: not named), what fails while it runs is execution, timeout, unavailable or internal.
[[nodiscard]] http::Response failure(const Error& error, const std::string& parameter);

// success() of a query, whose data is {"resultType":…,"result":…}.
[[nodiscard]] http::Response query_answer(const QueryResult& result, UtcTime at);
[[nodiscard]] Json labels_object(const Labels& labels);
// With __name__.
[[nodiscard]] Json labels_object(const SeriesKey& key);
// As Prometheus prints the value of an alert: always with an exponent.
[[nodiscard]] std::string exponent_text(double value);

template <Action handle>
net::Task<http::Response> formed(Context context, http::Request request) {
  auto read = with_form(std::move(request));
  if (!read) co_return bad_data(read.error().message);
  auto answer = co_await handle(context, std::move(*read));
  co_return answer;
}

}  // namespace pgtend::api::prometheus
