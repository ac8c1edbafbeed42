#include <charconv>
#include <nlohmann/json.hpp>

#include "agent/api/handlers.hpp"

namespace pgtend::api {

http::Handler bind(Context context, Action action) {
  return [context, action](http::Request request) { return action(context, std::move(request)); };
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
