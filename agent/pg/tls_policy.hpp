#pragma once

#include <map>
#include <string>
#include <string_view>

#include "agent/base/result.hpp"
#include "agent/pg/connection.hpp"

namespace pgtend::pg {

// True for an empty name, a socket folder, localhost and the loopback networks.
[[nodiscard]] bool is_loopback(std::string_view host);

// The keywords to connect with: verify-full filled in for hosts that are not loopback, GSS encryption off unless asked
// for (its ticket lookup blocks), UTF-8 as client encoding.
// Errors: config, not retryable, for an sslmode weaker than verify-full to such a host without insecure_ok, for a
// service file (its content would escape this check), and for a named certificate or revocation file that cannot be
// read: libpq takes a missing sslcrl silently as "nothing revoked".
[[nodiscard]] Result<std::map<std::string, std::string>> hardened_parameters(const ConnectSpec& spec);

// True when libpq would ask the resolver, which blocks.
[[nodiscard]] bool needs_resolver(const std::map<std::string, std::string>& parameters);

}  // namespace pgtend::pg
