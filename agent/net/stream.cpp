#include "agent/net/stream.hpp"

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>

#include "agent/net/certificate.hpp"
#include "agent/net/wait.hpp"

namespace pgtend::net {

namespace {

using asio::experimental::awaitable_operators::operator||;
using Socket = asio::generic::stream_protocol::socket;
using Endpoint = asio::generic::stream_protocol::endpoint;
using boost::system::error_code;

// sun_path of a unix socket address holds 107 characters and a NUL.
constexpr std::size_t kMaxUnixPath = 107;

tl::unexpected<Error> late(const std::string& what) {
  return fail(Errc::timeout, what + " took longer than its deadline", true);
}

tl::unexpected<Error> lost(const std::string& what, const error_code& error) {
  return fail(Errc::unavailable, what + ": " + error.message(), true);
}

template <class Layer>
TaskResult<std::string> read_from(Layer* layer, std::size_t most, Deadline deadline) {
  asio::steady_timer timer(layer->get_executor(), deadline);
  std::string bytes(most, '\0');
  const auto room = asio::buffer(bytes);
  auto first = co_await (layer->async_read_some(room, as_values) || timer.async_wait(as_values));
  if (first.index() == 1) co_return late("reading");
  const auto& [error, size] = std::get<0>(first);
  // Many peers leave out TLS's own goodbye.
  if (error == asio::error::eof || error == asio::ssl::error::stream_truncated) co_return std::string();
  if (error) co_return lost("reading", error);
  bytes.resize(size);
  co_return bytes;
}

template <class Layer>
TaskResult<std::size_t> write_to(Layer* layer, std::string bytes, Deadline deadline) {
  asio::steady_timer timer(layer->get_executor(), deadline);
  const auto all = asio::buffer(bytes);
  auto first = co_await (asio::async_write(*layer, all, as_values) || timer.async_wait(as_values));
  if (first.index() == 1) co_return late("writing");
  const auto& [error, size] = std::get<0>(first);
  if (error) co_return lost("writing", error);
  co_return size;
}

class Plain : public Stream {
 public:
  explicit Plain(Socket socket) : socket_(std::move(socket)) {}
  TaskResult<std::string> read_some(std::size_t most, Deadline deadline) override {
    return read_from(&socket_, most, deadline);
  }
  TaskResult<std::size_t> write(std::string bytes, Deadline deadline) override {
    return write_to(&socket_, std::move(bytes), deadline);
  }

 private:
  Socket socket_;
};

class Encrypted : public Stream {
 public:
  Encrypted(Socket socket, std::unique_ptr<asio::ssl::context> context)
      : context_(std::move(context)), layer_(std::move(socket), *context_) {}
  TaskResult<std::string> read_some(std::size_t most, Deadline deadline) override {
    return read_from(&layer_, most, deadline);
  }
  TaskResult<std::size_t> write(std::string bytes, Deadline deadline) override {
    return write_to(&layer_, std::move(bytes), deadline);
  }

  [[nodiscard]] std::optional<UtcTime> certificate_not_after() override {
    return peer_certificate_not_after(layer_.native_handle());
  }

  TaskResult<bool> shake_hands(std::string name, Deadline deadline) {
    // No server name for an address: RFC 6066 allows host names only.
    error_code not_an_address;
    asio::ip::make_address(name, not_an_address);
    if (not_an_address) SSL_set_tlsext_host_name(layer_.native_handle(), name.c_str());
    layer_.set_verify_callback(asio::ssl::host_name_verification(name));
    asio::steady_timer timer(layer_.get_executor(), deadline);
    const auto role = asio::ssl::stream_base::client;
    auto first = co_await (layer_.async_handshake(role, as_values) || timer.async_wait(as_values));
    if (first.index() == 1) co_return late("the TLS handshake");
    const auto error = std::get<0>(std::get<0>(first));
    if (!error) co_return true;
    const long verdict = SSL_get_verify_result(layer_.native_handle());
    if (verdict == X509_V_OK && error.category() != asio::error::get_ssl_category())
      co_return lost("the TLS handshake", error);
    const std::string why = verdict != X509_V_OK ? X509_verify_cert_error_string(verdict) : error.message();
    co_return fail(Errc::refused, "tls_verify_failed: " + why);
  }

 private:
  std::unique_ptr<asio::ssl::context> context_;
  asio::ssl::stream<Socket> layer_;
};

Result<std::unique_ptr<asio::ssl::context>> make_context(const TlsOptions& options) {
  auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  error_code error;
  const auto refuse = [&](const std::string& what, const std::string& path) {
    return fail(Errc::config, what + " " + path + " cannot be used: " + error.message());
  };
  context->set_verify_mode(asio::ssl::verify_peer, error);
  if (options.ca_file.empty()) {
    context->set_default_verify_paths(error);
    if (error) return refuse("the system's", "authorities");
  } else {
    context->load_verify_file(options.ca_file, error);
    if (error) return refuse("ca_file", options.ca_file);
  }
  if (!options.certificate_file.empty()) {
    context->use_certificate_chain_file(options.certificate_file, error);
    if (error) return refuse("certificate", options.certificate_file);
  }
  if (!options.key_file.empty()) {
    context->use_private_key_file(options.key_file, asio::ssl::context::pem, error);
    if (error) return refuse("key", options.key_file);
  }
  return context;
}

using Endpoints = std::vector<Endpoint>;

Result<Endpoints> resolve(const std::string& host, int port) {
  asio::io_context context;
  asio::ip::tcp::resolver resolver(context);
  error_code error;
  Endpoints out;
  for (const auto& entry : resolver.resolve(host, std::to_string(port), error)) out.emplace_back(entry.endpoint());
  if (error || out.empty()) return fail(Errc::unavailable, "host " + host + ": " + error.message(), true);
  return out;
}

TaskResult<Endpoints> endpoints_of(StreamTarget target, asio::any_io_executor blocking, Deadline deadline) {
  if (!target.unix_path.empty()) {
    if (target.unix_path.size() > kMaxUnixPath)
      co_return fail(Errc::config, "a socket's path has at most 107 characters");
    co_return Endpoints{asio::local::stream_protocol::endpoint(target.unix_path)};
  }
  error_code not_an_address;
  const auto address = asio::ip::make_address(target.host, not_an_address);
  if (!not_an_address) co_return Endpoints{asio::ip::tcp::endpoint(address, static_cast<unsigned short>(target.port))};
  auto work = [host = target.host, port = target.port] { return resolve(host, port); };
  auto found = co_await run_until(blocking, work, deadline);
  if (!found) co_return late("resolving host " + target.host);
  co_return std::move(*found);
}

TaskResult<Socket> open_socket(Endpoints endpoints, Deadline deadline) {
  auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, deadline);
  error_code last = asio::error::host_not_found;
  for (const auto& endpoint : endpoints) {
    Socket socket(executor);
    socket.open(endpoint.protocol(), last);
    if (last) continue;
    auto first = co_await (socket.async_connect(endpoint, as_values) || timer.async_wait(as_values));
    if (first.index() == 1) co_return late("connecting");
    last = std::get<0>(std::get<0>(first));
    if (!last) co_return socket;
  }
  co_return lost("connecting", last);
}

}  // namespace

TaskResult<std::unique_ptr<Stream>> Stream::connect(StreamTarget target, asio::any_io_executor blocking,
                                                    Deadline deadline) {
  auto endpoints = co_await endpoints_of(target, blocking, deadline);
  if (!endpoints) co_return fail(std::move(endpoints.error()));
  auto socket = co_await open_socket(*endpoints, deadline);
  if (!socket) co_return fail(std::move(socket.error()));
  if (!target.tls) co_return std::make_unique<Plain>(std::move(*socket));
  auto context = make_context(*target.tls);
  if (!context) co_return fail(std::move(context.error()));
  auto encrypted = std::make_unique<Encrypted>(std::move(*socket), std::move(*context));
  const auto name = target.tls->server_name.empty() ? target.host : target.tls->server_name;
  auto shaken = co_await encrypted->shake_hands(name, deadline);
  if (!shaken) co_return fail(std::move(shaken.error()));
  co_return std::move(encrypted);
}

}  // namespace pgtend::net
