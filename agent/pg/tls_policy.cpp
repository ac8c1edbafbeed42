#include "agent/pg/tls_policy.hpp"

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "agent/base/strings.hpp"

namespace pgtend::pg {
namespace {

// What libpq would use for a keyword that is not given: environment, then its own default.
std::map<std::string, std::string> libpq_defaults() {
  std::map<std::string, std::string> out;
  PQconninfoOption* options = PQconndefaults();
  for (PQconninfoOption* option = options; option != nullptr && option->keyword != nullptr; ++option)
    if (option->val != nullptr) out[option->keyword] = option->val;
  PQconninfoFree(options);
  return out;
}

bool is_numeric(const std::string& host) {
  unsigned char room[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), room) == 1 || inet_pton(AF_INET6, host.c_str(), room) == 1;
}

std::string value_of(const std::map<std::string, std::string>& from, const std::string& key) {
  const auto at = from.find(key);
  return at == from.end() ? std::string() : at->second;
}

Error unreadable(const std::string& keyword, const std::string& path) {
  Error error;
  error.code = Errc::config;
  error.message = keyword + "=" + path + " cannot be read";
  return error;
}

}  // namespace

bool is_loopback(std::string_view host) {
  return host.empty() || host.front() == '/' || host.front() == '@' || host == "localhost" || host == "::1" ||
         (host.starts_with("127.") && is_numeric(std::string(host)));
}

bool needs_resolver(const std::map<std::string, std::string>& parameters) {
  if (!value_of(parameters, "hostaddr").empty()) return false;
  for (const auto& host : split(value_of(parameters, "host"), ','))
    if (!host.empty() && host.front() != '/' && host.front() != '@' && !is_numeric(host)) return true;
  return false;
}

Result<std::map<std::string, std::string>> hardened_parameters(const ConnectSpec& spec) {
  auto parameters = spec.parameters;
  const auto defaults = libpq_defaults();
  const auto effective = [&](const std::string& key) {
    const auto given = value_of(parameters, key);
    return given.empty() ? value_of(defaults, key) : given;
  };
  if (!spec.insecure_ok && !effective("service").empty())
    return fail(Errc::config,
                "a libpq service file is not used: name host, port and user in the configuration instead");

  parameters["host"] = effective("host");
  const auto address = effective("hostaddr");
  std::string remote;
  for (const auto& host : split(address.empty() ? parameters["host"] : address, ','))
    if (!is_loopback(host)) remote = host;
  const bool chosen = !value_of(parameters, "sslmode").empty() || std::getenv("PGSSLMODE") != nullptr;
  if (!remote.empty() && !spec.insecure_ok) {
    if (!chosen) parameters["sslmode"] = "verify-full";
    const auto mode = effective("sslmode");
    if (mode != "verify-full")
      return fail(Errc::config, "sslmode=" + mode + " to " + remote +
                                    " would trust whoever answers there: use verify-full with sslrootcert, or allow it "
                                    "with insecure_ok");
  }
  for (const std::string keyword : {"sslrootcert", "sslcrl", "sslcrldir", "sslcert", "sslkey"}) {
    const auto path = effective(keyword);
    const bool is_file = !path.empty() && !(keyword == "sslrootcert" && path == "system") &&
                         !(keyword == "sslkey" && path.find(':') != std::string::npos);
    if (is_file && ::access(path.c_str(), R_OK) != 0) return fail(unreadable(keyword, path));
  }
  parameters.try_emplace("gssencmode", "disable");
  parameters.try_emplace("client_encoding", "UTF8");
  parameters.try_emplace("fallback_application_name", "pgtend");
  if (parameters["host"].empty()) parameters.erase("host");
  return parameters;
}

}  // namespace pgtend::pg
