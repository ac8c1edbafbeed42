#include "agent/store/codec/tick_row.hpp"

#include <algorithm>

#include "agent/store/codec/bytes.hpp"
#include "agent/store/codec/decimal.hpp"
#include "agent/store/codec/packing.hpp"

namespace pgtend::store::codec {

namespace {

constexpr std::uint8_t kFull = 1, kPacked = 2;
// Smaller rows do not pack; level 1 because a row lives for minutes only.
constexpr std::size_t kPackFrom = 256;
constexpr int kRowLevel = 1;
// Source: 1,000,000 series of one target (the largest quota) × at most 20 bytes each.
constexpr std::size_t kMaxRowBytes = 32 << 20;

enum Code : std::uint8_t { kIntegerStep = 0, kRaw = 1, kGone = 2 };

void put_value(ByteWriter& out, const TickValue& value) {
  std::int64_t now = 0, was = 0;
  if (!value.present) {
    out.varint(kGone);
  } else if (to_decimal(value.bits, 0, now) && to_decimal(value.before, 0, was)) {
    out.varint(zigzag(now - was) << 2 | kIntegerStep);
  } else {
    out.varint(kRaw);
    out.u64(value.bits);
  }
}

void put_epochs(ByteWriter& out, const std::vector<TickEpoch>& epochs) {
  std::vector<std::uint64_t> distinct;
  for (const auto& entry : epochs) distinct.push_back(entry.epoch);
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  out.varint(distinct.size());
  for (const auto epoch : distinct) out.u64(epoch);
  out.varint(epochs.size());
  std::uint32_t last = 0;
  for (const auto& entry : epochs) {
    const auto index = std::lower_bound(distinct.begin(), distinct.end(), entry.epoch) - distinct.begin();
    out.varint(entry.place - last);
    out.varint(static_cast<std::uint64_t>(index) << 1 | (entry.starts ? 1 : 0));
    last = entry.place;
  }
}

bool take_value(ByteReader& in, TickValue& value) {
  const auto code = in.varint();
  switch (code & 3) {
    case kIntegerStep: {
      std::int64_t was = 0;
      if (!to_decimal(value.before, 0, was)) return false;
      value.bits = from_decimal(
          static_cast<std::int64_t>(static_cast<std::uint64_t>(was) + static_cast<std::uint64_t>(unzigzag(code >> 2))),
          0);
      return true;
    }
    case kRaw:
      value.bits = in.u64();
      return true;
    case kGone:
      value.present = false;
      value.bits = 0;
      return true;
    default:
      return false;
  }
}

bool take_epochs(ByteReader& in, std::size_t places, std::vector<TickEpoch>& epochs) {
  const auto distinct = in.varint();
  if (distinct > in.left() / 8) return false;
  std::vector<std::uint64_t> known;
  for (std::uint64_t i = 0; i < distinct; ++i) known.push_back(in.u64());
  const auto count = in.varint();
  if (count > places || count * 2 > in.left()) return false;
  std::uint64_t place = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto gap = in.varint();
    place += gap;
    const auto code = in.varint();
    if ((i > 0 && gap == 0) || gap > places || place >= places || code >> 1 >= known.size()) return false;
    epochs.push_back({static_cast<std::uint32_t>(place), (code & 1) != 0, known[code >> 1]});
  }
  return true;
}

}  // namespace

std::string encode_tick_row(const TickRow& row) {
  ByteWriter body;
  body.varint(row.values.size());
  std::uint32_t last = 0;
  for (const auto& value : row.values) {
    body.varint(value.place - last);
    put_value(body, value);
    last = value.place;
  }
  put_epochs(body, row.epochs);
  ByteWriter out;
  const bool packs = body.size() >= kPackFrom;
  out.u8(static_cast<std::uint8_t>((row.full ? kFull : 0) | (packs ? kPacked : 0)));
  if (packs) {
    out.bytes(pack(body.view(), kRowLevel));
  } else {
    out.bytes(body.view());
  }
  return out.take();
}

Result<TickRow> decode_tick_row(std::string_view bytes, std::span<const std::uint64_t> before) {
  const auto corrupt = [] { return fail(Errc::corrupt, "head: a tick's row does not decode"); };
  if (bytes.empty()) return corrupt();
  const auto flags = static_cast<std::uint8_t>(bytes[0]);
  bytes.remove_prefix(1);
  std::string unpacked;
  if ((flags & kPacked) != 0) {
    auto body = unpack(bytes, kMaxRowBytes);
    if (!body) return fail(std::move(body).error());
    unpacked = std::move(*body);
    bytes = unpacked;
  }
  TickRow row;
  row.full = (flags & kFull) != 0;
  ByteReader in(bytes);
  const auto count = in.varint();
  if (count > before.size() || count * 2 > in.left()) return corrupt();
  std::uint64_t place = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto gap = in.varint();
    place += gap;
    if ((i > 0 && gap == 0) || gap > before.size() || place >= before.size()) return corrupt();
    TickValue value{static_cast<std::uint32_t>(place), true, 0, row.full ? 0 : before[static_cast<std::size_t>(place)]};
    if (!take_value(in, value)) return corrupt();
    row.values.push_back(value);
  }
  if (!take_epochs(in, before.size(), row.epochs) || !in.complete()) return corrupt();
  return row;
}

}  // namespace pgtend::store::codec
