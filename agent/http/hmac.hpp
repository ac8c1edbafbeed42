#pragma once

#include <string>
#include <string_view>

namespace pgtend::http {

// HMAC-SHA256 in hex. Source: RFC 2104. Any thread.
[[nodiscard]] std::string hmac_sha256_hex(std::string_view key, std::string_view text);

}  // namespace pgtend::http
