#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/http/message.hpp"

namespace pgtend::http {

// A bearer token as it is stored: never the token itself.
struct TokenHash {
  std::string name;        // shown in the audit as token:NAME
  std::string sha256_hex;  // of the token's bytes, 64 hex digits
  Right right = Right::viewer;
};

struct AuthOptions {
  std::vector<TokenHash> tokens;
  // Rights of local users on the unix socket by uid (SO_PEERCRED).
  std::map<unsigned, Right> uids;
  // Any other local user on the unix socket.
  Right other_uids = Right::none;
};

// SHA-256 of `text`, 64 lower-case hex digits.
[[nodiscard]] std::string sha256_hex(std::string_view text);

// The uid of a user name or of a number in text; nullopt when there is no such user.
// REQUIRES: a thread that may block (name service); start-up.
[[nodiscard]] std::optional<unsigned> uid_of(const std::string& user);

// Decides who asks. Immutable after make(); any thread.
class Authenticator {
 public:
  // Errors: config (a hash that is not 64 hex digits, two tokens with one name), not retryable.
  // REQUIRES: a thread that may block.
  [[nodiscard]] static Result<Authenticator> make(AuthOptions options);

  // The caller's identity: a bearer token where one is sent (also over the socket), else the socket's peer uid, else
  // for loopback TCP viewer on GET, HEAD and a POST of a form (a long query), and nothing more.
  // Errors: permission (a token was sent and is unknown, or the Authorization header is not a bearer token).
  [[nodiscard]] Result<Identity> identify(const Request& request) const;

  [[nodiscard]] bool has_tokens() const { return !options_.tokens.empty(); }

 private:
  explicit Authenticator(AuthOptions options) : options_(std::move(options)) {}
  [[nodiscard]] Identity local_user(unsigned uid) const;
  AuthOptions options_;
  std::map<unsigned, std::string> user_names_;  // read once: the name service may block
};

// A literal address in 127.0.0.0/8 or ::1, also as an IPv4-mapped address; a name is none.
[[nodiscard]] bool is_loopback(std::string_view address);

}  // namespace pgtend::http
