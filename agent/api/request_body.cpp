#include "agent/api/request_body.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "agent/base/units.hpp"

namespace pgtend::api {

using Json = nlohmann::json;

Result<Json> parse_once(const std::string& text) {
  std::vector<std::set<std::string>> open;
  std::string twice;
  const auto watch = [&](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) open.emplace_back();
    if (event == Json::parse_event_t::object_end) open.pop_back();
    if (event == Json::parse_event_t::key && !open.back().insert(parsed.get<std::string>()).second)
      twice = parsed.get<std::string>();
    return true;
  };
  auto out = Json::parse(text, watch, false);
  if (out.is_discarded()) return fail(Errc::invalid_argument, "the body is not JSON");
  if (!twice.empty()) return fail(Errc::invalid_argument, "the body has the field \"" + twice + "\" twice");
  return out;
}

Result<Json> read_body(const http::Request& request, std::initializer_list<const char*> known) {
  auto body = request.body.empty() ? Result<Json>(Json::object()) : parse_once(request.body);
  if (!body) return body;
  if (!body->is_object()) return fail(Errc::invalid_argument, "the body must be a JSON object");
  for (const auto& [name, value] : body->items()) {
    const bool expected = std::any_of(known.begin(), known.end(), [&](const char* k) { return name == k; });
    if (!expected) return fail(Errc::invalid_argument, "the body has an unknown field \"" + name + "\"");
  }
  return body;
}

Result<Millis> duration_field(const Json& body, const char* field, Millis fallback) {
  constexpr Millis kLongest{3650LL * 24 * 3'600'000};
  const auto found = body.find(field);
  if (found == body.end()) return fallback;
  const auto value = found->is_string() ? parse_duration(found->get_ref<const std::string&>())
                                        : Result<Millis>(fail(Errc::invalid_argument, "no text"));
  if (!value || value->count() <= 0 || *value > kLongest)
    return fail(Errc::invalid_argument, std::string("\"") + field + "\" is a duration such as 7d, up to 10y");
  return *value;
}

}  // namespace pgtend::api
