#pragma once

#include <string>
#include <string_view>

#include "agent/base/result.hpp"

namespace pgtend::pg {

// What a failure asks of the caller. Source: reference planned_systems.md 2.2.
enum class RetryClass {
  fast,              // server gone, starting or full: reconnect with backoff
  slow,              // wrong password, database or right: once a minute, and say so
  unit,              // serialization, deadlock, lock not granted: repeat the unit of work within its budget
  never_halve_rate,  // cancelled by a timeout: do not repeat, run this collector half as often
  role_changed,      // read-only now: stop acting and read the identity again
  stop,              // disk full, out of memory, corruption: open the breaker, no acts
  none,              // the statement itself is wrong; nothing to retry
};
[[nodiscard]] std::string_view to_string(RetryClass value);

// The class of a SQLSTATE; `none` for an unknown one.
[[nodiscard]] RetryClass classify(std::string_view sqlstate);
// The class of an error, by its SQLSTATE when it has one and by its code otherwise.
[[nodiscard]] RetryClass classify(const Error& error);

// An Error of the right code for a SQLSTATE. `message` is the server's primary message; DETAIL, HINT and CONTEXT are
// never passed here because they quote rows.
[[nodiscard]] Error make_error(std::string_view sqlstate, std::string message);

// An Error from libpq's text of a failed connect, made under PQERRORS_VERBOSE: the SQLSTATE and the server's own words,
// TLS failures ("tls_verify_failed: …", refused) and unreachable peers (unavailable).
[[nodiscard]] Error connect_error(std::string_view libpq_message);

}  // namespace pgtend::pg
