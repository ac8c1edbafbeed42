#include "agent/base/result.hpp"

namespace pgtend {

std::string_view to_string(Errc code) {
  switch (code) {
    case Errc::invalid_argument:
      return "invalid_argument";
    case Errc::config:
      return "config";
    case Errc::parse:
      return "parse";
    case Errc::not_found:
      return "not_found";
    case Errc::conflict:
      return "conflict";
    case Errc::permission:
      return "permission";
    case Errc::unsupported:
      return "unsupported";
    case Errc::refused:
      return "refused";
    case Errc::timeout:
      return "timeout";
    case Errc::cancelled:
      return "cancelled";
    case Errc::unavailable:
      return "unavailable";
    case Errc::resource_exhausted:
      return "resource_exhausted";
    case Errc::io:
      return "io";
    case Errc::corrupt:
      return "corrupt";
    case Errc::server:
      return "server";
    case Errc::internal:
      return "internal";
  }
  return "internal";
}

std::string Error::describe() const {
  std::string out;
  for (auto it = context.rbegin(); it != context.rend(); ++it) out += *it + ": ";
  out += message;
  if (!sqlstate.empty()) out += " (SQLSTATE " + sqlstate + ")";
  return out;
}

}  // namespace pgtend
