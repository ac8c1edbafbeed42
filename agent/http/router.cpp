#include "agent/http/router.hpp"

#include <algorithm>
#include <exception>
#include <optional>
#include <set>

#include "agent/base/log.hpp"
#include "agent/base/strings.hpp"

namespace pgtend::http {

namespace {

// The parameters when `path` fits `pattern`.
std::optional<std::map<std::string, std::string>> fit(std::string_view pattern, std::string_view path) {
  const auto want = split(pattern, '/'), have = split(path, '/');
  if (want.size() != have.size()) return std::nullopt;
  std::map<std::string, std::string> parameters;
  for (std::size_t i = 0; i < want.size(); ++i) {
    if (want[i].size() > 2 && want[i].front() == '{' && want[i].back() == '}') {
      auto value = percent_decode(have[i]);
      if (!value || value->empty()) return std::nullopt;
      parameters.emplace(want[i].substr(1, want[i].size() - 2), std::move(*value));
    } else if (want[i] != have[i]) {
      return std::nullopt;
    }
  }
  return parameters;
}

Response not_allowed(const std::set<std::string>& methods) {
  std::string allow;
  for (const auto& method : methods) allow += (allow.empty() ? "" : ", ") + method;
  auto response = error_response(405, "method_not_allowed", "this path does not answer to that method");
  response.headers.emplace_back("Allow", allow);
  return response;
}

Response denied(const Identity& identity, Right needed, bool local_socket) {
  const std::string message = "this needs the right " + std::string(to_string(needed));
  if (identity.right == Right::none && identity.name == "anonymous" && !local_socket) {
    auto response = error_response(401, "unauthenticated", message, "send a token as Authorization: Bearer TOKEN");
    response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"pgtend\"");
    return response;
  }
  return error_response(403, "permission",
                        message + "; " + identity.name + " has " + std::string(to_string(identity.right)),
                        "use the unix socket as a user with that right, or a token that has it");
}

}  // namespace

void Router::add(std::string method, std::string pattern, Right right, Handler handler) {
  routes_.push_back(Route{std::move(method), std::move(pattern), right, std::move(handler)});
}

const Route* Router::find(std::string_view method, std::string_view path) const {
  const auto found = std::find_if(routes_.begin(), routes_.end(), [&](const Route& route) {
    return route.method == method && fit(route.pattern, path).has_value();
  });
  return found == routes_.end() ? nullptr : &*found;
}

net::Task<Response> Router::respond(Request request) const {
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  const Route* route = nullptr;
  std::set<std::string> methods;
  for (const auto& candidate : routes_) {
    auto parameters = fit(candidate.pattern, request.path);
    if (!parameters) continue;
    methods.insert(candidate.method);
    if (candidate.method == "GET") methods.insert("HEAD");
    if (candidate.method != method) continue;
    request.parameters = std::move(*parameters);
    route = &candidate;
    break;
  }
  if (route == nullptr) {
    if (methods.empty()) co_return error_response(404, "not_found", "there is nothing at this path");
    co_return not_allowed(methods);
  }
  if (request.identity.right < route->right) co_return denied(request.identity, route->right, request.peer.unix_socket);
  std::string failure;
  try {
    auto answer = co_await route->handler(std::move(request));
    co_return answer;
  } catch (const std::exception& error) {
    failure = error.what();
  }
  log::error("http handler failed", {{"route", route->pattern}, {"error", failure}});
  co_return error_response(500, "internal", "the request failed inside the agent; its log says why");
}

}  // namespace pgtend::http
