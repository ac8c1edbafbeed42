#include "agent/http/auth.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pwd.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <charconv>
#include <set>

#include "agent/base/strings.hpp"
#include "agent/http/form.hpp"
#include "agent/net/task.hpp"

namespace pgtend::http {

std::string sha256_hex(std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  // Fails only without memory or without SHA-256 in the library; an empty text then matches no stored hash.
  if (EVP_Digest(text.data(), text.size(), digest, &length, EVP_sha256(), nullptr) != 1) return {};
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (unsigned i = 0; i < length; ++i) {
    out += kDigits[digest[i] >> 4];
    out += kDigits[digest[i] & 15];
  }
  return out;
}

std::optional<unsigned> uid_of(const std::string& user) {
  unsigned uid = 0;
  const auto [end, ec] = std::from_chars(user.data(), user.data() + user.size(), uid);
  if (ec == std::errc() && end == user.data() + user.size()) return uid;
  passwd entry{}, *found = nullptr;
  std::string buffer(16'384, '\0');
  if (getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return std::nullopt;
  return entry.pw_uid;
}

namespace {

bool is_sha256_hex(std::string_view text) {
  return text.size() == 64 &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string user_name(unsigned uid) {
  passwd entry{}, *found = nullptr;
  std::string buffer(16'384, '\0');
  if (getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return "uid " + std::to_string(uid);
  return entry.pw_name;
}

}  // namespace

Result<Authenticator> Authenticator::make(AuthOptions options) {
  std::set<std::string> names;
  for (auto& token : options.tokens) {
    token.sha256_hex = to_lower(token.sha256_hex);
    if (!is_sha256_hex(token.sha256_hex))
      return fail(Errc::config, "token \"" + token.name + "\" is not a SHA-256 of 64 hex digits");
    if (!names.insert(token.name).second) return fail(Errc::config, "two tokens have the name \"" + token.name + "\"");
  }
  Authenticator made(std::move(options));
  for (const auto& [uid, right] : made.options_.uids) made.user_names_.emplace(uid, user_name(uid));
  return made;
}

Identity Authenticator::local_user(unsigned uid) const {
  const auto known = options_.uids.find(uid);
  const auto right = known == options_.uids.end() ? options_.other_uids : known->second;
  const auto name = user_names_.find(uid);
  return Identity{"person:" + (name == user_names_.end() ? "uid " + std::to_string(uid) : name->second) + " via socket",
                  right};
}

Result<Identity> Authenticator::identify(const Request& request) const {
  const auto header = request.headers.find("authorization");
  if (header != request.headers.end()) {
    const std::string_view value = header->second;
    const auto space = value.find(' ');
    if (space == std::string_view::npos || to_lower(value.substr(0, space)) != "bearer")
      return fail(Errc::permission, "only bearer tokens are accepted in the Authorization header");
    const auto hash = sha256_hex(trim(value.substr(space + 1)));
    const TokenHash* found = nullptr;
    // Every stored hash is compared, so that the time does not tell which one was close.
    for (const auto& token : options_.tokens)
      if (hash.size() == 64 && CRYPTO_memcmp(hash.data(), token.sha256_hex.data(), 64) == 0) found = &token;
    if (found == nullptr) return fail(Errc::permission, "the token is not known");
    return Identity{"token:" + found->name, found->right};
  }
  if (request.peer.unix_socket) {
    if (!request.peer.uid) return Identity{"anonymous", Right::none};
    auto identity = local_user(*request.peer.uid);
    // A form reads, whoever sends it.
    if (is_form(request)) identity.right = std::min(identity.right, Right::viewer);
    return identity;
  }
  const bool reads = request.method == "GET" || request.method == "HEAD" || is_form(request);
  return Identity{"anonymous", reads && is_loopback(request.peer.address) ? Right::viewer : Right::none};
}

bool is_loopback(std::string_view address) {
  boost::system::error_code failed;
  const auto parsed = net::asio::ip::make_address(std::string(address), failed);
  if (failed) return false;
  if (parsed.is_v6() && parsed.to_v6().is_v4_mapped())
    return net::asio::ip::make_address_v4(net::asio::ip::v4_mapped, parsed.to_v6()).is_loopback();
  return parsed.is_loopback();
}

}  // namespace pgtend::http
