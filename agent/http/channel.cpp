#include "agent/http/channel.hpp"

#include <array>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <type_traits>

namespace pgtend::http {

namespace asio = net::asio;

namespace {

// `Top` is what speaks: the stream itself, or TLS on it.
template <class Top>
class ChannelOver final : public Channel {
 public:
  template <class... Arguments>
  explicit ChannelOver(Arguments&&... arguments) : top_(std::forward<Arguments>(arguments)...) {}

  net::Task<boost::system::error_code> greet() override {
    if constexpr (!std::is_same_v<Top, Stream>) {
      auto greeted = co_await top_.async_handshake(asio::ssl::stream_base::server, net::as_values);
      co_return std::get<0>(greeted);
    }
    co_return boost::system::error_code();
  }

  net::Task<Read> read_some(asio::mutable_buffer into) override {
    auto got = co_await top_.async_read_some(into, net::as_values);
    co_return Read{std::get<0>(got), std::get<1>(got)};
  }

  net::Task<boost::system::error_code> write(std::string_view text, std::string_view more) override {
    const std::array<asio::const_buffer, 2> buffers{asio::buffer(text), asio::buffer(more)};
    auto written = co_await asio::async_write(top_, buffers, net::as_values);
    co_return std::get<0>(written);
  }

  Stream& stream() override { return boost::beast::get_lowest_layer(top_); }

 private:
  Top top_;
};

}  // namespace

std::unique_ptr<Channel> Channel::make(Stream::socket_type socket, asio::ssl::context* tls) {
  if (tls == nullptr) return std::make_unique<ChannelOver<Stream>>(std::move(socket));
  return std::make_unique<ChannelOver<asio::ssl::stream<Stream>>>(Stream(std::move(socket)), *tls);
}

}  // namespace pgtend::http
