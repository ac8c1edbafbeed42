#pragma once

#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "agent/base/clock.hpp"
#include "agent/base/result.hpp"
#include "agent/http/message.hpp"

// What a request that changes something says, read one way by every handler.
namespace pgtend::api {

// JSON whose objects name every field once: of two the last would count silently, and a gateway in front may have
// looked at the first. Errors: invalid_argument (no JSON, a field that comes twice); not retryable.
[[nodiscard]] Result<nlohmann::json> parse_once(const std::string& text);

// The body as an object that has no other fields than these; an empty body is an empty object.
// Errors: invalid_argument, not retryable.
[[nodiscard]] Result<nlohmann::json> read_body(const http::Request& request, std::initializer_list<const char*> known);

// A duration ("7d") of the body, above 0 and up to 10y; `fallback` when it is absent. Errors: invalid_argument.
[[nodiscard]] Result<Millis> duration_field(const nlohmann::json& body, const char* field, Millis fallback);

}  // namespace pgtend::api
