#pragma once

#include <optional>

#include "agent/base/clock.hpp"

struct ssl_st;

namespace pgtend::net {

// Until when the certificate is valid that the peer of a TLS session showed; nullopt when it showed none.
[[nodiscard]] std::optional<UtcTime> peer_certificate_not_after(ssl_st* session);

}  // namespace pgtend::net
