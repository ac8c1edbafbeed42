#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.hpp"

// RESP2, the protocol of Redis, without I/O.
namespace pgtend::redis {

struct Value {
  enum class Kind { null, text, error, integer, array };
  Kind kind = Kind::null;
  std::string text;          // text and error
  std::int64_t integer = 0;  // integer
  std::vector<Value> items;  // array
  bool operator==(const Value&) const = default;
};

// Bounds of one reply. What we ask for is far below: INFO has about 10 kB, LATENCY LATEST four items for each of some
// twenty events.
struct RespLimits {
  std::size_t bytes = 1 << 20;
  std::size_t items = 16'384;
  std::size_t depth = 8;
  std::size_t line = 64 << 10;
};

// A command as Redis reads it: an array of bulk strings.
[[nodiscard]] std::string encode_command(std::span<const std::string> words);

// Takes the bytes as they come and gives whole replies. Total: any bytes give replies or an error, within the limits,
// in time linear in their number.
class RespDecoder {
 public:
  explicit RespDecoder(RespLimits limits = {}) : limits_(limits) {}

  void feed(std::string_view bytes);
  // The next whole reply; nullopt: more bytes are needed. Errors: parse (no RESP2, or beyond a limit), after which the
  // stream has no meaning any more: it stays so.
  [[nodiscard]] Result<std::optional<Value>> next();

 private:
  struct Open {
    Value array;
    std::size_t left;
  };
  enum class Step { more, done };
  Result<Step> read_line();
  Result<Step> read_bulk();
  Result<Step> take_header(char type, std::string_view rest);
  Result<Step> open_array(std::int64_t count);
  Result<Step> put(Value value);
  tl::unexpected<Error> broken(const std::string& why);

  const RespLimits limits_;
  std::string buffer_;
  std::size_t at_ = 0, scanned_ = 0;   // read up to here; looked for the end of a line up to here
  std::optional<std::size_t> bulk_;    // length of the bulk string that comes
  std::vector<Open> open_;             // arrays that wait for items
  std::size_t bytes_ = 0, items_ = 0;  // of the reply so far
  std::optional<Value> whole_;
  std::string broken_;
};

}  // namespace pgtend::redis
