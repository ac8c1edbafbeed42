#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

// Numbers in bytes, little-endian, and back. Reading is total: past the end every read gives 0 and ok() is false.
namespace pgtend::store::codec {

[[nodiscard]] constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
[[nodiscard]] constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

static_assert(std::endian::native == std::endian::little, "the file format is written as the machine's own order");

class ByteWriter {
 public:
  void u8(std::uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void u16(std::uint16_t value) { raw(value); }
  void u32(std::uint32_t value) { raw(value); }
  void u64(std::uint64_t value) { raw(value); }
  // LEB128, 1 to 10 bytes.
  void varint(std::uint64_t value) {
    while (value >= 0x80) {
      out_.push_back(static_cast<char>(value | 0x80));
      value >>= 7;
    }
    out_.push_back(static_cast<char>(value));
  }
  void bytes(std::string_view value) { out_.append(value); }

  [[nodiscard]] std::size_t size() const { return out_.size(); }
  [[nodiscard]] const std::string& view() const { return out_; }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  template <class T>
  void raw(T value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    out_.append(bytes, sizeof value);
  }
  std::string out_;
};

class ByteReader {
 public:
  explicit ByteReader(std::string_view in) : in_(in) {}

  [[nodiscard]] std::uint8_t u8() { return raw<std::uint8_t>(); }
  [[nodiscard]] std::uint16_t u16() { return raw<std::uint16_t>(); }
  [[nodiscard]] std::uint32_t u32() { return raw<std::uint32_t>(); }
  [[nodiscard]] std::uint64_t u64() { return raw<std::uint64_t>(); }
  [[nodiscard]] std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (at_ >= in_.size()) break;
      const auto byte = static_cast<std::uint8_t>(in_[at_++]);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return spoil();
  }
  [[nodiscard]] std::string_view bytes(std::size_t count) {
    if (count > left()) {
      spoil();
      return {};
    }
    const auto out = in_.substr(at_, count);
    at_ += count;
    return out;
  }

  [[nodiscard]] std::size_t left() const { return in_.size() - at_; }
  [[nodiscard]] bool ok() const { return ok_; }
  // Everything was read, and nothing past the end.
  [[nodiscard]] bool complete() const { return ok_ && at_ == in_.size(); }

 private:
  std::uint64_t spoil() {
    ok_ = false;
    at_ = in_.size();
    return 0;
  }
  template <class T>
  T raw() {
    T value{};
    if (left() < sizeof value) {
      spoil();
      return value;
    }
    std::memcpy(&value, in_.data() + at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  std::string_view in_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace pgtend::store::codec
