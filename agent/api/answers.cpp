#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "agent/api/handlers.hpp"
#include "agent/base/strings.hpp"

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

}  // namespace pgtend::api
