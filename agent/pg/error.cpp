#include "agent/pg/error.hpp"

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

#include "agent/base/strings.hpp"

namespace pgtend::pg {
namespace {

bool in_class(std::string_view sqlstate, std::string_view prefix) {
  return sqlstate.starts_with(prefix);
}

Errc code_of(std::string_view sqlstate) {
  if (sqlstate == "42501" || in_class(sqlstate, "28")) return Errc::permission;
  if (sqlstate == "57014" || sqlstate == "55P03" || sqlstate == "25P03" || sqlstate == "57P05") return Errc::timeout;
  if (in_class(sqlstate, "57P") || in_class(sqlstate, "08")) return Errc::unavailable;
  if (in_class(sqlstate, "53") || in_class(sqlstate, "54")) return Errc::resource_exhausted;
  if (sqlstate == "3D000") return Errc::not_found;
  if (sqlstate == "0A000") return Errc::unsupported;
  if (sqlstate == "25006") return Errc::refused;
  if (sqlstate == "XX001" || sqlstate == "XX002") return Errc::corrupt;
  return Errc::server;
}

// Messages of class 22 quote the value that did not fit; that value is somebody's data.
std::string without_values(std::string_view message) {
  std::string out;
  bool quoted = false;
  for (const char c : message) {
    if (c == '"') {
      out += quoted ? "…\"" : "\"";
      quoted = !quoted;
    } else if (!quoted) {
      out += c;
    }
  }
  return out;
}

// The server's own part of a line of libpq's: "… failed: FATAL:  53300: too many connections for role "x"".
struct ServerWords {
  std::string_view sqlstate, words;
};

std::optional<ServerWords> server_words(std::string_view line) {
  constexpr std::size_t kCode = 5;
  for (auto at = line.find(":  "); at != std::string_view::npos; at = line.find(":  ", at + 1)) {
    const auto rest = line.substr(at + 3);
    if (rest.size() < kCode + 2 || rest.substr(kCode, 2) != ": ") continue;
    const auto code = rest.substr(0, kCode);
    const bool plausible = std::all_of(code.begin(), code.end(),
                                       [](unsigned char c) { return std::isdigit(c) || (c >= 'A' && c <= 'Z'); });
    if (plausible) return ServerWords{code, trim(rest.substr(kCode + 2))};
  }
  return std::nullopt;
}

bool speaks_of_tls(std::string_view text) {
  for (const std::string_view word :
       {"SSL error", "certificate", "does not support SSL", "channel binding", "server certificate for"})
    if (text.find(word) != std::string_view::npos) return true;
  return false;
}

}  // namespace

std::string_view to_string(RetryClass value) {
  switch (value) {
    case RetryClass::fast:
      return "fast";
    case RetryClass::slow:
      return "slow";
    case RetryClass::unit:
      return "unit";
    case RetryClass::never_halve_rate:
      return "never_halve_rate";
    case RetryClass::role_changed:
      return "role_changed";
    case RetryClass::stop:
      return "stop";
    case RetryClass::none:
      return "none";
  }
  return "none";
}

RetryClass classify(std::string_view s) {
  if (s == "40001" || s == "40P01" || s == "55P03") return RetryClass::unit;
  if (s == "57014") return RetryClass::never_halve_rate;
  if (s == "25006") return RetryClass::role_changed;
  if (s == "53100" || s == "53200" || s == "XX001" || s == "XX002") return RetryClass::stop;
  if (s == "53300" || in_class(s, "57P") || in_class(s, "08")) return RetryClass::fast;
  if (s == "3D000" || s == "42501" || s == "55000" || in_class(s, "28")) return RetryClass::slow;
  return RetryClass::none;
}

RetryClass classify(const Error& error) {
  if (!error.sqlstate.empty()) return classify(std::string_view(error.sqlstate));
  switch (error.code) {
    case Errc::unavailable:
    case Errc::io:
      return RetryClass::fast;
    case Errc::timeout:
      return RetryClass::never_halve_rate;
    case Errc::permission:
    case Errc::config:
    case Errc::refused:
    case Errc::unsupported:
      return RetryClass::slow;
    case Errc::resource_exhausted:
      return RetryClass::stop;
    default:
      return RetryClass::none;
  }
}

Error make_error(std::string_view sqlstate, std::string message) {
  Error error;
  error.code = code_of(sqlstate);
  error.message = in_class(sqlstate, "22") ? without_values(message) : std::move(message);
  error.sqlstate = std::string(sqlstate);
  const auto retry = classify(sqlstate);
  error.retryable = retry == RetryClass::fast || retry == RetryClass::unit;
  return error;
}

Error connect_error(std::string_view libpq_message) {
  std::string_view chosen;
  // Several hosts give one line each; the last that carries a code says most.
  for (std::size_t at = 0; at < libpq_message.size();) {
    const auto end = std::min(libpq_message.find('\n', at), libpq_message.size());
    const auto raw = libpq_message.substr(at, end - at);
    // Indented lines are libpq's hints ("Is the server running ...?").
    const auto line = raw.starts_with('\t') ? std::string_view() : trim(raw);
    if (chosen.empty() || server_words(line)) chosen = line;
    at = end + 1;
  }
  if (const auto words = server_words(chosen)) {
    const auto place = chosen.substr(0, chosen.find(" failed:"));
    return make_error(words->sqlstate, std::string(place.size() < chosen.size() ? place : "connection") + ": " +
                                           std::string(words->words));
  }
  Error error;
  if (speaks_of_tls(libpq_message)) {
    error.code = Errc::refused;
    error.message = "tls_verify_failed: " + std::string(trim(libpq_message));
    std::replace(error.message.begin(), error.message.end(), '\n', ' ');
    return error;
  }
  error.code = Errc::unavailable;
  error.message = chosen.empty() ? "the connection failed" : std::string(chosen);
  error.retryable = true;
  return error;
}

}  // namespace pgtend::pg
