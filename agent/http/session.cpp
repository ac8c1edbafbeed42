#include "agent/http/session.hpp"

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "agent/base/strings.hpp"
#include "agent/http/form.hpp"

namespace pgtend::http {

namespace asio = net::asio;
namespace beast = boost::beast;
namespace wire = boost::beast::http;

namespace {

using Plain = beast::basic_stream<asio::generic::stream_protocol>;
using Secure = asio::ssl::stream<Plain>;
using Message = wire::request<wire::string_body>;

// How much of a refused request is read and thrown away, so that the peer sees the answer and not a reset.
constexpr std::size_t kDrainBytes = 256 * 1024;
constexpr Millis kDrainTime{1000};

// The answer to a request that could not be read, nullopt when only closing is left.
std::optional<Response> answer_to(const boost::system::error_code& error) {
  if (error == wire::error::header_limit || error == wire::error::buffer_overflow)
    return error_response(431, "header_too_large", "the request's header is larger than this server accepts");
  if (error == wire::error::body_limit)
    return error_response(413, "body_too_large", "the request's body is larger than this server accepts");
  if (error == wire::error::end_of_stream || error == wire::error::partial_message) return std::nullopt;
  if (error.category() == wire::make_error_code(wire::error::end_of_stream).category())
    return error_response(400, "malformed", "this is not an HTTP/1.1 request");
  return std::nullopt;
}

bool is_json(std::string_view content_type) {
  return to_lower(trim(content_type.substr(0, content_type.find(';')))) == "application/json";
}

// What must hold of a message before anyone looks at its path; nullopt when it does.
std::optional<Response> objection(const Message& message, const Request& request, const Accepted& accepted,
                                  const ServerOptions& options, const Router& router) {
  if (message.count(wire::field::host) > 1 || (message.version() == 11 && message.count(wire::field::host) == 0))
    return error_response(400, "malformed", "an HTTP/1.1 request has exactly one Host header");
  const auto host = message.find(wire::field::host);
  if (accepted.check_host && host != message.end() && !host_is_local(host->value(), options.allowed_hosts))
    return error_response(403, "host_not_allowed", "the Host header does not name this machine's loopback",
                          "use 127.0.0.1 or localhost in the address");
  const bool reads = request.method == "GET" || request.method == "HEAD";
  const auto type = message.find(wire::field::content_type);
  const bool typed = type != message.end() && (is_json(type->value()) || takes_form(router, request));
  // A page in a browser cannot send this type, nor an Authorization header, to another site without asking first.
  if (!reads && !request.headers.contains("authorization") && !typed)
    return error_response(415, "unsupported_media_type", "requests that change something are application/json",
                          "send Content-Type: application/json");
  return std::nullopt;
}

bool fill(const Message& message, const Accepted& accepted, Request& request) {
  request.method = std::string(message.method_string());
  if (!split_target(std::string_view(message.target()), request)) return false;
  for (const auto& field : message) request.headers[to_lower(field.name_string())] = std::string(field.value());
  request.peer = accepted.peer;
  return true;
}

// Runs the router under the handler's deadline.
net::Task<Response> answer(Request request, Shared& shared) {
  using namespace asio::experimental::awaitable_operators;
  const auto deadline = std::chrono::steady_clock::now() + shared.options.handler_timeout;
  auto work = shared.router.respond(std::move(request));
  auto limit = net::sleep_until(deadline);
  auto first = co_await (std::move(work) || std::move(limit));
  if (first.index() == 0) co_return std::move(std::get<0>(first));
  ++shared.counts.timeouts;
  co_return error_response(504, "timeout", "the agent did not answer in time");
}

net::Task<Response> handle(Message& message, const Accepted& accepted, Shared& shared) {
  ++shared.counts.requests;
  Request request;
  if (!fill(message, accepted, request)) {
    ++shared.counts.malformed;
    co_return error_response(400, "malformed", "the request's target is malformed");
  }
  if (auto no = objection(message, request, accepted, shared.options, shared.router)) co_return std::move(*no);
  auto identity = shared.authenticator.identify(request);
  if (!identity) {
    auto response = error_response(401, "unauthenticated", identity.error().message);
    response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"pgtend\", error=\"invalid_token\"");
    co_return response;
  }
  request.identity = std::move(*identity);
  request.body = std::move(message.body());
  auto response = co_await answer(std::move(request), shared);
  co_return response;
}

template <class Body>
void put_header(wire::response<Body>& out, const Response& response, bool keep_alive) {
  out.result(static_cast<unsigned>(response.status));
  out.set(wire::field::server, "pgtend");
  out.set(wire::field::content_type, response.content_type);
  out.set(wire::field::cache_control, "no-store");
  out.set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : response.headers) out.set(name, value);
  out.keep_alive(keep_alive);
}

// Writes an answer; false when the connection is of no more use.
template <class Stream>
net::Task<bool> write(Stream& stream, Response response, bool head, bool keep_alive, const ServerOptions& options) {
  beast::get_lowest_layer(stream).expires_after(options.write_timeout);
  if (head) {
    wire::response<wire::empty_body> out(wire::status::ok, 11);
    put_header(out, response, keep_alive);
    out.content_length(response.body.size());
    wire::response_serializer<wire::empty_body> serializer(out);
    auto written = co_await wire::async_write_header(stream, serializer, net::as_values);
    co_return !std::get<0>(written) && keep_alive;
  }
  wire::response<wire::string_body> out(wire::status::ok, 11);
  put_header(out, response, keep_alive);
  out.body() = std::move(response.body);
  out.prepare_payload();
  auto written = co_await wire::async_write(stream, out, net::as_values);
  co_return !std::get<0>(written) && keep_alive;
}

template <class Stream>
net::Task<void> drain(Stream& stream) {
  auto& lowest = beast::get_lowest_layer(stream);
  boost::system::error_code ignored;
  lowest.socket().shutdown(Socket::shutdown_send, ignored);
  lowest.expires_after(kDrainTime);
  std::string waste(8192, '\0');
  const auto buffer = asio::buffer(waste);
  for (std::size_t total = 0; total < kDrainBytes;) {
    auto got = co_await lowest.async_read_some(buffer, net::as_values);
    if (std::get<0>(got)) co_return;
    total += std::get<1>(got);
  }
}

// One request and its answer; false when the connection ends.
template <class Stream>
net::Task<bool> exchange(Stream& stream, beast::flat_buffer& buffer, const Accepted& accepted, Shared& shared,
                         Connection& connection) {
  auto& lowest = beast::get_lowest_layer(stream);
  if (buffer.size() == 0) {
    connection.busy = false;
    lowest.expires_after(shared.options.idle_timeout);
    const auto room = buffer.prepare(4096);
    auto first = co_await stream.async_read_some(room, net::as_values);
    if (std::get<0>(first)) co_return false;
    buffer.commit(std::get<1>(first));
  }
  connection.busy = true;
  lowest.expires_after(shared.options.read_timeout);
  wire::request_parser<wire::string_body> parser;
  parser.header_limit(shared.options.max_header);
  parser.body_limit(shared.options.max_body);
  auto head = co_await wire::async_read_header(stream, buffer, parser, net::as_values);
  auto error = std::get<0>(head);
  if (!error && to_lower(parser.get()[wire::field::expect]) == "100-continue") {
    wire::response<wire::empty_body> go_on(wire::status::continue_, 11);
    auto told = co_await wire::async_write(stream, go_on, net::as_values);
    error = std::get<0>(told);
  }
  if (!error) {
    auto rest = co_await wire::async_read(stream, buffer, parser, net::as_values);
    error = std::get<0>(rest);
  }
  if (error) {
    if (error == beast::error::timeout) ++shared.counts.timeouts;
    auto refusal = answer_to(error);
    if (!refusal) co_return false;
    ++shared.counts.malformed;
    co_await write(stream, std::move(*refusal), false, false, shared.options);
    co_await drain(stream);
    co_return false;
  }
  lowest.expires_never();
  auto message = parser.release();
  const bool is_head = message.method() == wire::verb::head;
  const bool keep = message.keep_alive();
  auto response = co_await handle(message, accepted, shared);
  const bool keep_alive = keep && !shared.stopping;
  auto usable = co_await write(stream, std::move(response), is_head, keep_alive, shared.options);
  co_return usable;
}

template <class Stream>
net::Task<void> converse(Stream& stream, const Accepted& accepted, Shared& shared, Connection& connection) {
  beast::flat_buffer buffer(shared.options.max_header + shared.options.max_body + 8192);
  while (!shared.stopping) {
    auto again = co_await exchange(stream, buffer, accepted, shared, connection);
    if (!again) break;
  }
  boost::system::error_code ignored;
  beast::get_lowest_layer(stream).socket().shutdown(Socket::shutdown_both, ignored);
}

}  // namespace

bool host_is_local(std::string_view host, const std::vector<std::string>& allowed) {
  std::string name = to_lower(host);
  if (name.starts_with('[')) {
    const auto end = name.find(']');
    if (end == std::string::npos) return false;
    name = name.substr(1, end - 1);
  } else if (const auto colon = name.rfind(':'); colon != std::string::npos) {
    name.resize(colon);
  }
  return name == "localhost" || is_loopback(name) || std::find(allowed.begin(), allowed.end(), name) != allowed.end();
}

net::Task<void> serve(Socket socket, Accepted accepted, asio::ssl::context* tls, Shared& shared,
                      Connection& connection) {
  Plain plain(std::move(socket));
  if (tls == nullptr) {
    connection.close = [&plain] { plain.close(); };
    co_await converse(plain, accepted, shared, connection);
    connection.close = nullptr;
    co_return;
  }
  Secure secure(std::move(plain), *tls);
  connection.close = [&secure] { secure.next_layer().close(); };
  secure.next_layer().expires_after(shared.options.read_timeout);
  auto greeted = co_await secure.async_handshake(asio::ssl::stream_base::server, net::as_values);
  if (!std::get<0>(greeted)) co_await converse(secure, accepted, shared, connection);
  connection.close = nullptr;
}

}  // namespace pgtend::http
