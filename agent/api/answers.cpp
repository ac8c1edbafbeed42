#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "agent/api/handlers.hpp"
#include "agent/base/strings.hpp"
#include "agent/base/units.hpp"

namespace pgtend::api {

http::Handler bind(Context context, Action action) {
  return [context, action](http::Request request) { return action(context, std::move(request)); };
}

namespace {

// A misspelt filter would answer as if there were none, and look like an answer.
std::optional<http::Response> refuse(const http::Request& request, const QueryParameters& known) {
  std::vector<std::string> names;
  for (const auto& parameter : known) names.push_back(parameter.name);
  for (const auto& [name, value] : request.query_items) {
    const auto found = std::find_if(known.begin(), known.end(), [&](const auto& each) { return each.name == name; });
    const auto code = to_string(Errc::invalid_argument);
    if (found == known.end()) {
      const auto near = nearest(name, names);
      return http::error_response(400, code, "unknown query parameter '" + name + "'",
                                  names.empty() ? "this address takes none"
                                  : near        ? "did you mean '" + *near + "'?"
                                                : "known: " + join(names, ", "));
    }
    auto values = found->values;
    if (values.empty() || std::find(values.begin(), values.end(), value) != values.end()) continue;
    std::erase(values, "");
    return http::error_response(400, code, name + " must be one of " + join(values, ", ") + ", not '" + value + "'");
  }
  return std::nullopt;
}

// The action keeps the request that it is given: awaited here, so that it lives as long.
net::Task<http::Response> checked(Context context, Action action, QueryParameters known, http::Request request) {
  if (auto refused = refuse(request, known)) co_return std::move(*refused);
  auto answer = co_await action(context, std::move(request));
  co_return answer;
}

}  // namespace

http::Handler bind(Context context, Action action, QueryParameters known) {
  return [context, action, known = std::move(known)](http::Request request) {
    return checked(context, action, known, std::move(request));
  };
}

http::Response json_answer(const Json& body, int status) {
  http::Response response;
  response.status = status;
  response.body = body.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  return response;
}

http::Response list_answer(Json items, const Clock& clock) {
  return json_answer(list_envelope(std::move(items), clock.now()));
}

http::Response item_answer(Json item, const Clock& clock, int status) {
  return json_answer(item_envelope(std::move(item), clock.now()), status);
}

http::Response bad_request(const std::string& message) {
  return http::error_response(400, to_string(Errc::invalid_argument), message);
}

std::optional<std::int64_t> query_integer(const http::Request& request, const std::string& name, std::int64_t fallback,
                                          std::int64_t low, std::int64_t high) {
  const auto found = request.query.find(name);
  if (found == request.query.end()) return fallback;
  const auto& text = found->second;
  std::int64_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size() || value < low || value > high) return std::nullopt;
  return value;
}

namespace {

// Year 2255: beyond it a nanosecond clock overflows.
constexpr double kLastSecond = 9e9;

std::optional<double> parse_seconds(const std::string& text) {
  double value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size() || !(value >= 0 && value <= kLastSecond))
    return std::nullopt;
  return value;
}

}  // namespace

Result<UtcTime> query_time(const http::Request& request, const std::string& name, UtcTime fallback) {
  const auto found = request.query.find(name);
  if (found == request.query.end() || found->second.empty()) return fallback;
  if (const auto time = parse_rfc3339(found->second)) return *time;
  if (const auto seconds = parse_seconds(found->second)) return from_ms(std::llround(*seconds * 1000));
  return fail(Errc::invalid_argument, name + " is a time such as 2026-01-31T12:00:00Z, or seconds since 1970");
}

std::optional<Millis> query_duration(const http::Request& request, const std::string& name) {
  const auto found = request.query.find(name);
  if (found == request.query.end()) return std::nullopt;
  if (const auto seconds = parse_seconds(found->second)) return Millis(std::llround(*seconds * 1000));
  if (const auto duration = parse_duration(found->second)) return *duration;
  return std::nullopt;
}

Result<TimeRange> query_range(const http::Request& request, const Clock& clock, Millis back) {
  const auto to = query_time(request, "to", clock.now());
  if (!to) return fail(to.error());
  const auto from = query_time(request, "from", *to - back);
  if (!from) return fail(from.error());
  if (*from > *to) return fail(Errc::invalid_argument, "from is later than to");
  return TimeRange{*from, *to};
}

}  // namespace pgtend::api
