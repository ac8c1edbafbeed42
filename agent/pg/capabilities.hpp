#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/pg/connection.hpp"

namespace pgtend::pg {

// observe: the monitoring role's work (probe, sample); act: the operating role's (advise, act).
enum class Purpose { observe, act };
[[nodiscard]] std::string_view to_string(Purpose purpose);

// One thing that a role may or may not do here.
struct Capability {
  std::string name;  // "read_all_stats", "statements_created", "connect:shop"
  bool present = false;
  std::string effect;   // what is degraded without it
  std::string cure;     // exact SQL that gives it, or the configuration line after "--"; empty when present
  bool advice = false;  // not a missing right but a recommendation ("do not run as superuser")
  Purpose purpose = Purpose::observe;
  std::string database = {};  // where it holds; empty: on the whole server
};

// Whether sessions reach the server itself, and not through a pooler.
[[nodiscard]] Capability direct_connection(bool present);

// What is missing where no session could be had to ask on: the right to connect, or the role. Nothing when it is not a
// right that is missing (the server is away, a wrong password).
[[nodiscard]] std::optional<Capability> missing_for_session(const Error& refusal, const std::string& role,
                                                            const std::string& database, Purpose purpose);

// Asks the server, on this session and for its role, for every capability that pgtend can use; `only` limits it to one
// role's work. Works for a role with no rights at all: what cannot be asked is reported as missing with its cure.
// Errors: only the loss of the session (unavailable, timeout; retryable).
net::TaskResult<std::vector<Capability>> probe_capabilities(Connection* connection, std::optional<Purpose> only);
// All of them.
net::TaskResult<std::vector<Capability>> probe_capabilities(Connection* connection);

// The parameters that packaging/sql/setup lets the operating role change: none runs code, touches authentication or
// hides tracks. Source: reference planned_systems.md 5.1.
[[nodiscard]] const std::vector<std::string>& alterable_parameters();

}  // namespace pgtend::pg
