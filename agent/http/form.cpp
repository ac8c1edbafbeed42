#include "agent/http/form.hpp"

namespace pgtend::http {

bool is_form(const Request& request) {
  const auto type = request.headers.find("content-type");
  return request.method == "POST" && type != request.headers.end() &&
         type->second.starts_with("application/x-www-form-urlencoded");
}

bool takes_form(const Router& router, const Request& request) {
  const auto viewed_by = [&](std::string_view method) {
    const auto* route = router.find(method, request.path);
    return route != nullptr && route->right == Right::viewer;
  };
  return is_form(request) && viewed_by("GET") && viewed_by("POST");
}

}  // namespace pgtend::http
