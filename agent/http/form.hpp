#pragma once

#include "agent/http/router.hpp"

namespace pgtend::http {

// Whether the request is a POST of a form, which any web page can send, or of nothing at all; a query too long for an
// address comes so.
[[nodiscard]] bool is_form(const Request& request);

// Whether the request is a form to a route that takes one: it is answered to GET and POST alike, for viewers, and so
// reads.
[[nodiscard]] bool takes_form(const Router& router, const Request& request);

}  // namespace pgtend::http
