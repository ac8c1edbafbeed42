#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <memory>
#include <string_view>

#include "agent/net/task.hpp"

// The bytes of one connection, plain or TLS; private to this folder. One type for both, because every template over the
// stream would be compiled twice.
namespace pgtend::http {

class Channel {
 public:
  using Stream = boost::beast::basic_stream<net::asio::generic::stream_protocol>;

  struct Read {
    boost::system::error_code error;
    std::size_t bytes = 0;
  };

  // `tls` null: plain.
  static std::unique_ptr<Channel> make(Stream::socket_type socket, net::asio::ssl::context* tls);
  virtual ~Channel() = default;

  // Each fails with beast::error::timeout when the time of stream().expires_after() is over.
  virtual net::Task<boost::system::error_code> greet() = 0;
  virtual net::Task<Read> read_some(net::asio::mutable_buffer into) = 0;
  // Both in one packet where they fit. They outlive the call.
  virtual net::Task<boost::system::error_code> write(std::string_view text, std::string_view more) = 0;
  // Below TLS: deadlines, shutdown and close.
  virtual Stream& stream() = 0;
};

}  // namespace pgtend::http
