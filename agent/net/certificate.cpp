#include "agent/net/certificate.hpp"

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <ctime>
#include <memory>

namespace pgtend::net {

std::optional<UtcTime> peer_certificate_not_after(ssl_st* session) {
  if (session == nullptr) return std::nullopt;
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(session), &X509_free);
  std::tm parts{};
  if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &parts) != 1) return std::nullopt;
  return from_ms(static_cast<std::int64_t>(timegm(&parts)) * 1000);
}

}  // namespace pgtend::net
