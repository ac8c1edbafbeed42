#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>

#include "tests/unit/http/running_server.hpp"

using namespace pgtend;
using namespace pgtend::http;
using namespace pgtend::test;
namespace ssl = boost::asio::ssl;
using Tcp = boost::asio::ip::tcp;

namespace {

// A self-signed certificate for "localhost" and its key, as PEM files.
void write_certificate(const std::string& certificate_path, const std::string& key_path) {
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, void (*)(X509*)> certificate(X509_new(), X509_free);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  auto* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  REQUIRE(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0);
  FILE* file = std::fopen(certificate_path.c_str(), "w");
  REQUIRE(file != nullptr);
  PEM_write_X509(file, certificate.get());
  std::fclose(file);
  file = std::fopen(key_path.c_str(), "w");
  REQUIRE(file != nullptr);
  PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
}

std::string talk(std::uint16_t port, const std::string& bytes, int max_version = 0) {
  boost::asio::io_context context;
  ssl::context client(ssl::context::tls_client);
  client.set_verify_mode(ssl::verify_none);
  if (max_version != 0) SSL_CTX_set_max_proto_version(client.native_handle(), max_version);
  ssl::stream<Tcp::socket> stream(context, client);
  stream.lowest_layer().connect(Tcp::endpoint(boost::asio::ip::address_v4::loopback(), port));
  boost::system::error_code error;
  stream.handshake(ssl::stream_base::client, error);
  if (error) return "no handshake";
  boost::asio::write(stream, boost::asio::buffer(bytes), error);
  std::string answer;
  boost::asio::read(stream, boost::asio::dynamic_buffer(answer), error);
  return answer;
}

}  // namespace

TEST_CASE("beyond loopback the server speaks TLS and asks for a token") {
  const TemporaryFolder folder;
  auto options = loopback();
  options.listen = "0.0.0.0:0";
  options.tls_certificate_file = folder.file("server.crt");
  options.tls_key_file = folder.file("server.key");
  write_certificate(options.tls_certificate_file, options.tls_key_file);
  AuthOptions auth;
  RunningServer without_tokens(options, echo_router(), auth);
  CHECK_FALSE(without_tokens.started());
  auth.tokens = {{"grafana", sha256_hex("view-me"), Right::viewer}};
  RunningServer server(options, echo_router(), auth);
  REQUIRE(server.started());
  const std::string head = "GET /view HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
  CHECK_THAT(talk(server.port(), head + "Authorization: Bearer view-me\r\n\r\n"), ContainsSubstring("token:grafana"));
  CHECK_THAT(talk(server.port(), head + "Authorization: Bearer guess\r\n\r\n"), ContainsSubstring("HTTP/1.1 401"));
  CHECK(talk(server.port(), head + "\r\n", TLS1_1_VERSION) == "no handshake");
  RawPeer plain(server.port());
  plain.say(head + "\r\n");
  CHECK(plain.hear().find("HTTP/1.1 200") == std::string::npos);
  CHECK_THAT(talk(server.port(), head + "Authorization: Bearer view-me\r\n\r\n"), ContainsSubstring("200 OK"));
}

TEST_CASE("a certificate that cannot be read is a configuration error") {
  auto options = loopback();
  options.tls_certificate_file = "/nonexistent/server.crt";
  options.tls_key_file = "/nonexistent/server.key";
  RunningServer server(options, echo_router());
  REQUIRE_FALSE(server.started());
  CHECK(server.started().error().code == Errc::config);
}
