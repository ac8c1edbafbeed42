#include "agent/http/session.hpp"

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/string_body.hpp>

#include "agent/base/strings.hpp"
#include "agent/http/channel.hpp"
#include "agent/http/form.hpp"

namespace pgtend::http {

namespace asio = net::asio;
namespace beast = boost::beast;
namespace wire = boost::beast::http;

namespace {

using Message = wire::request<wire::string_body>;
using Parser = wire::request_parser<wire::string_body>;

constexpr std::size_t kReadBytes = 4096;

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
  // Of methods and paths that nothing answers to, the router says so.
  const bool changes = request.method == "POST" && router.find("POST", request.path) != nullptr;
  const auto type = message.find(wire::field::content_type);
  const bool typed = (type != message.end() && is_json(type->value())) || takes_form(router, request);
  // A page in a browser cannot send this type, nor an Authorization header, to another site without asking first.
  if (changes && !request.headers.contains("authorization") && !typed)
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
net::Task<Response> answer(Request request, Shared* shared) {
  using namespace asio::experimental::awaitable_operators;
  const auto deadline = std::chrono::steady_clock::now() + shared->options.handler_timeout;
  auto work = shared->router.respond(std::move(request));
  auto limit = net::sleep_until(deadline);
  auto first = co_await (std::move(work) || std::move(limit));
  if (first.index() == 0) co_return std::move(std::get<0>(first));
  ++shared->counts.timeouts;
  co_return error_response(504, "timeout", "the agent did not answer in time");
}

net::Task<Response> handle(Message* message, const Accepted* accepted, Shared* shared) {
  ++shared->counts.requests;
  Request request;
  if (!fill(*message, *accepted, request)) {
    ++shared->counts.malformed;
    co_return error_response(400, "malformed", "the request's target is malformed");
  }
  if (auto no = objection(*message, request, *accepted, shared->options, shared->router)) co_return std::move(*no);
  auto identity = shared->authenticator.identify(request);
  if (!identity) {
    auto response = error_response(401, "unauthenticated", identity.error().message);
    response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"pgtend\", error=\"invalid_token\"");
    co_return response;
  }
  request.identity = std::move(*identity);
  request.body = std::move(message->body());
  auto response = co_await answer(std::move(request), shared);
  co_return response;
}

// Whether the peer hears from the header that the connection stays; 1.1 says it only when it does not.
std::string connection_line(const Message& message, bool keep_alive) {
  if (!keep_alive) return "Connection: close\r\n";
  return message.version() < 11 ? "Connection: keep-alive\r\n" : "";
}

std::string header_of(const Response& response, const std::string& connection) {
  const auto status = static_cast<unsigned>(response.status);
  std::string out = "HTTP/1.1 " + std::to_string(status) + " " +
                    std::string(wire::obsolete_reason(wire::int_to_status(status))) +
                    "\r\nServer: pgtend\r\nContent-Type: " + response.content_type +
                    "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";
  for (const auto& [name, value] : response.headers) out += name + ": " + value + "\r\n";
  return out + connection + "Content-Length: " + std::to_string(response.body.size()) + "\r\n\r\n";
}

net::Task<bool> write(Channel* channel, std::string header, std::string body, const ServerOptions* options) {
  channel->stream().expires_after(options->write_timeout);
  const auto failed = co_await channel->write(header, body);
  co_return !failed;
}

net::Task<void> drain(Channel* channel) {
  auto& stream = channel->stream();
  boost::system::error_code ignored;
  stream.socket().shutdown(Socket::shutdown_send, ignored);
  stream.expires_after(kDrainTime);
  std::string waste(8192, '\0');
  const auto buffer = asio::buffer(waste);
  for (std::size_t total = 0; total < kDrainBytes;) {
    auto got = co_await stream.async_read_some(buffer, net::as_values);
    if (std::get<0>(got)) co_return;
    total += std::get<1>(got);
  }
}

// Reads and parses until `done`; the error is Beast's, or that of the connection.
net::Task<boost::system::error_code> parse_until(Channel* channel, beast::flat_buffer* buffer, Parser* parser,
                                                 bool (*done)(const Parser&)) {
  while (!done(*parser)) {
    boost::system::error_code error;
    if (buffer->size() > 0) {
      buffer->consume(parser->put(buffer->data(), error));
      if (!error) continue;
      if (error != wire::error::need_more) co_return error;
    }
    if (buffer->size() + kReadBytes > buffer->max_size()) co_return wire::make_error_code(wire::error::buffer_overflow);
    const auto room = buffer->prepare(kReadBytes);
    const auto got = co_await channel->read_some(room);
    if (got.error == asio::error::eof) {
      parser->put_eof(error);
      co_return error ? error : wire::make_error_code(wire::error::end_of_stream);
    }
    if (got.error) co_return got.error;
    buffer->commit(got.bytes);
  }
  co_return boost::system::error_code();
}

net::Task<boost::system::error_code> read_message(Channel* channel, beast::flat_buffer* buffer, Parser* parser) {
  const auto has_header = [](const Parser& now) { return now.is_header_done(); };
  auto error = co_await parse_until(channel, buffer, parser, has_header);
  if (error) co_return error;
  if (to_lower(parser->get()[wire::field::expect]) == "100-continue") {
    const std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    error = co_await channel->write(go_on, {});
    if (error) co_return error;
  }
  parser->eager(true);
  const auto is_whole = [](const Parser& now) { return now.is_done(); };
  error = co_await parse_until(channel, buffer, parser, is_whole);
  co_return error;
}

// One request and its answer; false when the connection ends.
net::Task<bool> exchange(Channel* channel, beast::flat_buffer* buffer, const Accepted* accepted, Shared* shared,
                         Connection* connection) {
  auto& stream = channel->stream();
  if (buffer->size() == 0) {
    connection->busy = false;
    stream.expires_after(shared->options.idle_timeout);
    const auto room = buffer->prepare(kReadBytes);
    const auto first = co_await channel->read_some(room);
    if (first.error) co_return false;
    buffer->commit(first.bytes);
  }
  connection->busy = true;
  const auto limit = std::chrono::steady_clock::now() + shared->options.read_timeout;
  stream.expires_at(limit);
  Parser parser;
  parser.header_limit(shared->options.max_header);
  parser.body_limit(shared->options.max_body);
  const auto error = co_await read_message(channel, buffer, &parser);
  if (error) {
    // The last bytes may have come in the moment in which the limit closed the socket: the next read then finds it
    // closed and not late.
    if (error == beast::error::timeout || std::chrono::steady_clock::now() >= limit) ++shared->counts.timeouts;
    auto refusal = answer_to(error);
    if (!refusal) co_return false;
    ++shared->counts.malformed;
    auto header = header_of(*refusal, "Connection: close\r\n");
    co_await write(channel, std::move(header), std::move(refusal->body), &shared->options);
    co_await drain(channel);
    co_return false;
  }
  stream.expires_never();
  auto message = parser.release();
  auto response = co_await handle(&message, accepted, shared);
  const bool keep_alive = message.keep_alive() && !shared->stopping;
  auto header = header_of(response, connection_line(message, keep_alive));
  // HEAD is answered as GET, length included, without the body.
  if (message.method() == wire::verb::head) response.body.clear();
  auto written = co_await write(channel, std::move(header), std::move(response.body), &shared->options);
  co_return written&& keep_alive;
}

net::Task<void> converse(Channel* channel, const Accepted* accepted, Shared* shared, Connection* connection) {
  beast::flat_buffer buffer(shared->options.max_header + shared->options.max_body + 2 * kReadBytes);
  while (!shared->stopping) {
    auto again = co_await exchange(channel, &buffer, accepted, shared, connection);
    if (!again) break;
  }
  boost::system::error_code ignored;
  channel->stream().socket().shutdown(Socket::shutdown_both, ignored);
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

net::Task<void> serve(Socket socket, Accepted accepted, asio::ssl::context* tls, Shared* shared,
                      Connection* connection) {
  const auto channel = Channel::make(std::move(socket), tls);
  connection->close = [&channel] { channel->stream().close(); };
  channel->stream().expires_after(shared->options.read_timeout);
  const auto refused = co_await channel->greet();
  if (!refused) co_await converse(channel.get(), &accepted, shared, connection);
  connection->close = nullptr;
}

}  // namespace pgtend::http
