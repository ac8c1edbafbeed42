// Hands arbitrary bytes to the decoder of Redis's protocol: it gives replies within its limits or an error, the same
// ones however the bytes are cut, and reads back what it gave.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "agent/redis/client.hpp"
#include "agent/redis/resp.hpp"

using namespace pgtend::redis;

namespace {

// Small, so that short inputs reach them.
constexpr RespLimits kLimits{512, 32, 3, 64};

void require(bool holds) {
  if (!holds) std::abort();
}

struct Outcome {
  std::vector<Value> replies;
  bool broken = false;
  bool operator==(const Outcome&) const = default;
};

void drain(RespDecoder& decoder, Outcome& out) {
  while (!out.broken) {
    auto reply = decoder.next();
    out.broken = !reply;
    if (!reply || !*reply) return;
    out.replies.push_back(std::move(**reply));
  }
}

Outcome decode(std::string_view bytes, std::size_t piece) {
  RespDecoder decoder(kLimits);
  Outcome out;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    decoder.feed(bytes.substr(at, piece));
    drain(decoder, out);
  }
  return out;
}

struct Size {
  std::size_t bytes = 0, items = 0, depth = 0;
};

void measure(const Value& value, std::size_t depth, Size& size) {
  size.depth = std::max(size.depth, depth);
  size.bytes += value.text.size();
  if (value.kind != Value::Kind::array || value.items.empty()) ++size.items;
  for (const auto& item : value.items) measure(item, depth + 1, size);
}

std::string encode(const Value& value) {
  switch (value.kind) {
    case Value::Kind::null:
      return "$-1\r\n";
    case Value::Kind::error:
      return "-" + value.text + "\r\n";
    case Value::Kind::integer:
      return ":" + std::to_string(value.integer) + "\r\n";
    case Value::Kind::text:
      return "$" + std::to_string(value.text.size()) + "\r\n" + value.text + "\r\n";
    case Value::Kind::array:
      break;
  }
  std::string out = "*" + std::to_string(value.items.size()) + "\r\n";
  for (const auto& item : value.items) out += encode(item);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = decode(bytes, std::max<std::size_t>(bytes.size(), 1));
  require(whole == decode(bytes, 1));
  require(whole == decode(bytes, 1 + data[0] % 16));
  for (const auto& reply : whole.replies) {
    Size is;
    measure(reply, 0, is);
    require(is.bytes <= kLimits.bytes && is.items <= kLimits.items && is.depth <= kLimits.depth);
    // In a roomier decoder: a bulk string is longer than the line it may have come as.
    RespDecoder again;
    again.feed(encode(reply));
    auto back = again.next();
    require(back && *back && **back == reply);
    if (reply.kind == Value::Kind::error) require(reply_error(reply.text).message.size() <= reply.text.size());
  }
  return 0;
}
