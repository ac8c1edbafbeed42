#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

namespace pgtend {

// Serialised by name in logs, JSON and the ledger: add at the end, never rename.
enum class Errc {
  invalid_argument,  // the caller's input is wrong; retrying the same input cannot help
  config,            // configuration is wrong; the process exits 78 at start
  parse,             // text that is not in its language (YAML, PromQL, SQL, HTTP)
  not_found,
  conflict,     // state changed in between: stale plan, wrong state, already exists
  permission,   // PostgreSQL or API right is missing; the message names the cure
  unsupported,  // this server, version or extension cannot do it
  refused,      // policy, freeze switch, pooler or standby forbids it
  timeout,
  cancelled,
  unavailable,         // peer cannot be reached or is shutting down
  resource_exhausted,  // budget, memory, disk, connection slots
  io,
  corrupt,  // stored bytes do not check
  server,   // an error that PostgreSQL returned; sqlstate is set
  internal,
};

[[nodiscard]] std::string_view to_string(Errc code);

// What went wrong, as a value. `context` grows outwards, one entry per layer ("collect stat_bgwriter").
struct Error {
  Errc code = Errc::internal;
  std::string message;
  std::vector<std::string> context;
  std::string sqlstate;
  bool retryable = false;

  [[nodiscard]] Error with(std::string layer) && {
    context.push_back(std::move(layer));
    return std::move(*this);
  }
  // "outer: inner: message (SQLSTATE 42501)".
  [[nodiscard]] std::string describe() const;
};

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  Result(tl::expected<T, Error> other) : tl::expected<T, Error>(std::move(other)) {}
};

[[nodiscard]] inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

[[nodiscard]] inline tl::unexpected<Error> fail(Errc code, std::string message, bool retryable = false) {
  Error error;
  error.code = code;
  error.message = std::move(message);
  error.retryable = retryable;
  return tl::unexpected<Error>(std::move(error));
}

// Passes an error on with one more layer of context.
[[nodiscard]] inline tl::unexpected<Error> fail(Error error, std::string layer) {
  error.context.push_back(std::move(layer));
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace pgtend
