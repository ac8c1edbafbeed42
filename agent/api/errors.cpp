#include "agent/api/json.hpp"

namespace pgtend::api {

int http_status(Errc code) {
  switch (code) {
    case Errc::invalid_argument:
    case Errc::parse:
      return 400;
    case Errc::permission:
      return 403;
    case Errc::not_found:
      return 404;
    case Errc::conflict:
    case Errc::refused:
      return 409;
    case Errc::unsupported:
      return 422;
    case Errc::resource_exhausted:
      return 429;
    case Errc::timeout:
      return 504;
    case Errc::cancelled:
    case Errc::unavailable:
      return 503;
    case Errc::server:
      return 502;
    case Errc::config:
    case Errc::io:
    case Errc::corrupt:
    case Errc::internal:
      return 500;
  }
  return 500;
}

namespace {

std::string_view hint_for(const Error& error) {
  switch (error.code) {
    case Errc::conflict:
      return "read it again: its state or its plan has changed";
    case Errc::refused:
      return "policy, the freeze switch or the server's role forbids it; the message says which";
    case Errc::resource_exhausted:
      // What asks for too much stays too much; a disk may get room.
      return error.retryable ? "the disk of the agent's files is full: make room there and try again"
                             : "ask for less: a shorter range, a larger step or fewer series";
    case Errc::unavailable:
      return "the agent or its server is starting or stopping; try again";
    default:
      return {};
  }
}

}  // namespace

http::Response error_answer(const Error& error) {
  auto response =
      http::error_response(http_status(error.code), to_string(error.code), error.describe(), hint_for(error));
  if (response.status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

}  // namespace pgtend::api
