#include "agent/http/form.hpp"

#include <algorithm>

namespace pgtend::http {

bool is_form(const Request& request) {
  const auto type = request.headers.find("content-type");
  return request.method == "POST" && type != request.headers.end() &&
         type->second.starts_with("application/x-www-form-urlencoded");
}

bool takes_form(const Router& router, const Request& request) {
  const auto answered = [&](std::string_view method) {
    return std::any_of(router.routes().begin(), router.routes().end(), [&](const Route& route) {
      return route.method == method && route.pattern == request.path && route.right == Right::viewer;
    });
  };
  return is_form(request) && answered("GET") && answered("POST");
}

}  // namespace pgtend::http
