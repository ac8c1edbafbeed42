#include "agent/http/form.hpp"

namespace pgtend::http {

bool is_form(const Request& request) {
  if (request.method != "POST") return false;
  const auto type = request.headers.find("content-type");
  if (type != request.headers.end()) return type->second.starts_with("application/x-www-form-urlencoded");
  const auto length = request.headers.find("content-length");
  return !request.headers.contains("transfer-encoding") && (length == request.headers.end() || length->second == "0");
}

bool takes_form(const Router& router, const Request& request) {
  const auto viewed_by = [&](std::string_view method) {
    const auto* route = router.find(method, request.path);
    return route != nullptr && route->right == Right::viewer;
  };
  return is_form(request) && viewed_by("GET") && viewed_by("POST");
}

}  // namespace pgtend::http
