#include "agent/http/server.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <charconv>

#include "agent/base/log.hpp"
#include "agent/base/strings.hpp"
#include "agent/http/session.hpp"

namespace pgtend::http {

namespace asio = net::asio;
using Tcp = asio::ip::tcp;
using Local = asio::local::stream_protocol;

struct Server::State : std::enable_shared_from_this<Server::State> {
  State(asio::any_io_executor where, Shared all)
      : executor(std::move(where)), shared(std::move(all)), changed(executor) {}

  asio::any_io_executor executor;
  Shared shared;
  std::optional<Tcp::acceptor> tcp;
  std::optional<Local::acceptor> local;
  std::optional<asio::ssl::context> tls;
  asio::steady_timer changed;  // cancelled when a connection ends
  int running = 0;             // accept loops and connections

  Result<void> open_tcp();
  Result<void> open_local();
  Result<void> open_tls();
  void close_acceptors();
  void close_connections(bool also_busy);
  bool make_room(bool over_unix_socket);
  void begin(Socket socket, Accepted accepted, bool secure);
  template <class Acceptor>
  void spawn_accepting(Acceptor& acceptor, bool secure);
};

namespace {

Error bind_error(const boost::system::error_code& error, const std::string& what) {
  Error out;
  out.code = Errc::io;
  if (error == asio::error::address_in_use) out.code = Errc::conflict;
  if (error == asio::error::access_denied) out.code = Errc::permission;
  out.retryable = out.code == Errc::conflict;
  out.message = "cannot listen on " + what + ": " + error.message();
  return out;
}

Result<Tcp::endpoint> parse_listen(const std::string& listen) {
  const auto colon = listen.rfind(':');
  std::string host = colon == std::string::npos ? std::string() : listen.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  boost::system::error_code failed;
  const auto address = asio::ip::make_address(host, failed);
  std::uint16_t port = 0;
  const char* end = listen.data() + listen.size();
  const char* begin = colon == std::string::npos ? end : listen.data() + colon + 1;
  const auto parsed = std::from_chars(begin, end, port);
  if (failed || begin == end || parsed.ec != std::errc() || parsed.ptr != end)
    return fail(Errc::config, "listen address \"" + listen + "\" is not ADDRESS:PORT, such as 127.0.0.1:9187");
  return Tcp::endpoint(address, port);
}

// A unix socket file that nobody answers on is left over from a dead process.
bool is_stale_socket(const std::string& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return false;
  asio::io_context context(1);
  Local::socket probe(context);
  boost::system::error_code error;
  probe.connect(Local::endpoint(path), error);
  return error == asio::error::connection_refused;
}

Accepted describe(const Tcp::socket& socket) {
  boost::system::error_code ignored;
  Accepted accepted;
  accepted.peer.address = socket.remote_endpoint(ignored).address().to_string();
  accepted.check_host = is_loopback(socket.local_endpoint(ignored).address().to_string());
  return accepted;
}

Accepted describe(Local::socket& socket) {
  Accepted accepted;
  accepted.peer.unix_socket = true;
  ucred credentials{};
  socklen_t length = sizeof credentials;
  if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0)
    accepted.peer.uid = credentials.uid;
  return accepted;
}

// Answers are written as they come; held back until the peer acknowledges the last packet, the second one of an answer
// would arrive 40 ms late.
void send_at_once(Tcp::socket& socket) {
  boost::system::error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
}
void send_at_once(Local::socket&) {}

// Told to a peer for whom there is no room; it fits any socket buffer, so the write does not wait.
constexpr std::string_view kNoRoom =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 82\r\nRetry-After: "
    "1\r\nConnection: close\r\n\r\n"
    "{\"error\":{\"code\":\"unavailable\",\"message\":\"too many connections; try again soon\"}}\n";

}  // namespace

Result<void> Server::State::open_tls() {
  const auto& options = shared.options;
  if (options.tls_certificate_file.empty() && options.tls_key_file.empty()) return {};
  tls.emplace(asio::ssl::context::tls_server);
  boost::system::error_code certificate, key, unused;
  tls->set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1 | asio::ssl::context::no_compression,
                   unused);
  tls->use_certificate_chain_file(options.tls_certificate_file, certificate);
  tls->use_private_key_file(options.tls_key_file, asio::ssl::context::pem, key);
  if (certificate)
    return fail(Errc::config, "TLS certificate " + options.tls_certificate_file + ": " + certificate.message());
  if (key) return fail(Errc::config, "TLS key " + options.tls_key_file + ": " + key.message());
  return {};
}

Result<void> Server::State::open_tcp() {
  const auto& options = shared.options;
  if (options.listen.empty()) return {};
  const auto endpoint = parse_listen(options.listen);
  if (!endpoint) return fail(endpoint.error());
  if (!is_loopback(endpoint->address().to_string()) && !(tls && shared.authenticator.has_tokens()))
    return fail(Errc::config, "refusing to listen on " + options.listen +
                                  ": an address beyond loopback needs a TLS certificate with its key and at least one "
                                  "token; listen on 127.0.0.1 or set all three");
  boost::system::error_code error;
  tcp.emplace(executor);
  tcp->open(endpoint->protocol(), error);
  if (!error) tcp->set_option(Tcp::acceptor::reuse_address(true), error);
  if (!error) tcp->bind(*endpoint, error);
  if (!error) tcp->listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    tcp.reset();
    return fail(bind_error(error, options.listen));
  }
  return {};
}

Result<void> Server::State::open_local() {
  const auto& options = shared.options;
  if (options.unix_path.empty()) return {};
  // Source: sun_path of unix(7), 108 bytes with its terminator.
  if (options.unix_path.size() > 107)
    return fail(Errc::config, "the socket path " + options.unix_path + " is longer than 107 bytes");
  if (is_stale_socket(options.unix_path)) ::unlink(options.unix_path.c_str());
  boost::system::error_code error;
  local.emplace(executor);
  local->open(Local(), error);
  if (!error) {
    // The file must never be open to more than its mode says, not even between bind and chmod.
    const auto before = ::umask(0777 & ~options.unix_mode);
    local->bind(Local::endpoint(options.unix_path), error);
    ::umask(before);
  }
  if (!error) local->listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    local.reset();
    return fail(bind_error(error, options.unix_path));
  }
  return {};
}

void Server::State::begin(Socket socket, Accepted accepted, bool secure) {
  auto self = shared_from_this();
  const auto place = shared.connections.emplace(shared.connections.end(), accepted.peer.unix_socket);
  auto* context = secure ? &*tls : nullptr;
  shared.counts.connections = shared.connections.size();
  ++running;
  auto task = serve(std::move(socket), std::move(accepted), context, &shared, &*place);
  auto ended = [self, place](std::exception_ptr failure) {
    if (failure && !self->shared.stopping) log::error("http connection failed");
    self->shared.connections.erase(place);
    self->shared.counts.connections = self->shared.connections.size();
    --self->running;
    self->changed.cancel();
  };
  asio::co_spawn(executor, std::move(task), asio::bind_cancellation_slot(place->cancel.slot(), std::move(ended)));
}

namespace {

template <class State, class Acceptor>
net::Task<void> accept_all(std::shared_ptr<State> state, Acceptor* acceptor, bool secure) {
  while (!state->shared.stopping) {
    auto got = co_await acceptor->async_accept(net::as_values);
    if (state->shared.stopping) co_return;
    if (std::get<0>(got)) {
      // Out of descriptors, or the peer is gone already: a pause keeps the loop from spinning.
      const auto later = std::chrono::steady_clock::now() + Millis(100);
      co_await net::sleep_until(later);
      continue;
    }
    auto socket = std::move(std::get<1>(got));
    auto accepted = describe(socket);
    if (!state->make_room(accepted.peer.unix_socket)) {
      ++state->shared.counts.refused_connections;
      boost::system::error_code ignored;
      socket.non_blocking(true, ignored);
      if (!secure) socket.write_some(asio::buffer(kNoRoom), ignored);
      continue;
    }
    send_at_once(socket);
    state->begin(Socket(std::move(socket)), std::move(accepted), secure);
  }
}

}  // namespace

template <class Acceptor>
void Server::State::spawn_accepting(Acceptor& acceptor, bool secure) {
  auto self = shared_from_this();
  ++running;
  auto task = accept_all(self, &acceptor, secure);
  auto ended = [self](std::exception_ptr failure) {
    if (failure) log::error("http accept loop failed");
    --self->running;
    self->changed.cancel();
  };
  asio::co_spawn(executor, std::move(task), std::move(ended));
}

void Server::State::close_acceptors() {
  boost::system::error_code ignored;
  if (tcp) tcp->close(ignored);
  if (local && local->is_open()) {
    local->close(ignored);
    ::unlink(shared.options.unix_path.c_str());
  }
}

void Server::State::close_connections(bool also_busy) {
  for (auto& connection : shared.connections) {
    if (!also_busy && connection.busy) continue;
    if (connection.close) connection.close();
    if (also_busy) connection.cancel.emit(asio::cancellation_type::terminal);
  }
}

// Whether one more connection of this listener fits, once one that waits for its next request was closed if need be.
bool Server::State::make_room(bool over_unix_socket) {
  std::size_t held = 0;
  Connection* idle = nullptr;
  for (auto& connection : shared.connections) {
    if (connection.local != over_unix_socket || connection.leaves) continue;
    ++held;
    if (idle == nullptr && !connection.busy && connection.close) idle = &connection;
  }
  if (held < shared.options.max_connections) return true;
  if (idle == nullptr) return false;
  idle->leaves = true;
  idle->close();
  return true;
}

Server::Server(asio::any_io_executor executor, ServerOptions options, Router router, Authenticator authenticator) {
  Shared shared{std::move(options), std::move(router), std::move(authenticator), {}, false, {}};
  state_ = std::make_shared<State>(std::move(executor), std::move(shared));
}

Server::~Server() {
  state_->shared.stopping = true;
  state_->close_acceptors();
  state_->close_connections(true);
}

Result<void> Server::start() {
  if (auto opened = state_->open_tls(); !opened) return fail(opened.error(), "http server");
  if (auto opened = state_->open_tcp(); !opened) return fail(opened.error(), "http server");
  if (auto opened = state_->open_local(); !opened) return fail(opened.error(), "http server");
  if (state_->tcp) state_->spawn_accepting(*state_->tcp, state_->tls.has_value());
  if (state_->local) state_->spawn_accepting(*state_->local, false);
  return {};
}

net::Task<void> Server::stop(Millis grace) {
  auto state = state_;
  state->shared.stopping = true;
  state->close_acceptors();
  state->close_connections(false);
  const auto gentle = std::chrono::steady_clock::now() + grace;
  // The second round closes what is busy; its coroutines then end by themselves.
  const std::array<Deadline, 2> rounds{gentle, gentle + Millis(5000)};
  for (const auto until : rounds) {
    while (state->running > 0 && std::chrono::steady_clock::now() < until) {
      state->changed.expires_at(until);
      co_await state->changed.async_wait(net::as_values);
    }
    state->close_connections(true);
  }
}

std::uint16_t Server::port() const {
  boost::system::error_code ignored;
  return state_->tcp && state_->tcp->is_open() ? state_->tcp->local_endpoint(ignored).port() : 0;
}

ServerCounts Server::counts() const {
  auto counts = state_->shared.counts;
  counts.busy_connections =
      static_cast<std::size_t>(std::count_if(state_->shared.connections.begin(), state_->shared.connections.end(),
                                             [](const Connection& connection) { return connection.busy; }));
  return counts;
}

}  // namespace pgtend::http
