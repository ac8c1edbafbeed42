#include <algorithm>

#include "agent/store/codec/block.hpp"
#include "agent/store/codec/block_layout.hpp"
#include "agent/store/codec/bytes.hpp"
#include "agent/store/codec/decimal.hpp"
#include "agent/store/codec/packing.hpp"

namespace pgtend::store::codec {

namespace {

tl::unexpected<Error> corrupt(const char* what) {
  return fail(Errc::corrupt, std::string("block: ") + what);
}

Result<std::string_view> read_packed(ByteReader& in) {
  const auto size = in.varint();
  if (size > kMaxBlockBytes) return corrupt("a part is too long");
  return in.bytes(static_cast<std::size_t>(size));
}

Result<std::string> read_part(ByteReader& in) {
  const auto packed = read_packed(in);
  if (!packed) return fail(packed.error());
  return unpack(*packed, kMaxBlockBytes);
}

}  // namespace

Result<Block> Block::open(std::string_view bytes) {
  ByteReader in(bytes);
  if (in.u8() != kBlockVersion) return corrupt("unknown version");
  Block block;
  block.ticks_ = in.u8();
  const auto slots = in.u16();
  if (!in.ok() || block.ticks_ > kBlockTicks || slots > kBlockSlots) return corrupt("its size is impossible");
  auto structure = read_part(in);
  auto integers = read_part(in);
  const auto upper = read_packed(in);
  const auto lower = read_packed(in);
  for (auto* part : {&structure, &integers})
    if (!*part) return fail(std::move(*part).error());
  for (const auto* part : {&upper, &lower})
    if (!*part) return fail(part->error());
  if (!in.complete()) return corrupt("bytes follow its end");
  block.integers_ = std::move(*integers);
  const auto upper_size = unpacked_size(*upper, kMaxBlockBytes), lower_size = unpacked_size(*lower, kMaxBlockBytes);
  if (!upper_size || !lower_size) return corrupt("its byte planes are not packed");
  block.plane_size_ = *upper_size / kUpperPlanes;
  if (*upper_size % kUpperPlanes != 0 || *lower_size != block.plane_size_ * (8 - kUpperPlanes))
    return corrupt("its byte planes differ in length");
  block.packed_upper_ = *upper;
  block.packed_lower_ = *lower;
  block.slots_.resize(slots);
  if (auto read = block.read_slots(*structure); !read) return fail(std::move(read).error());
  return block;
}

std::size_t Block::bytes() const {
  return sizeof(Block) + slots_.capacity() * sizeof(Slot) + starts_.capacity() * sizeof(EpochStart) + runs_.capacity() +
         odd_.capacity() + positions_.capacity() + integers_.capacity() + packed_upper_.capacity() +
         packed_lower_.capacity() + plane_size_ * 8;
}

// Where the parts of the next slot begin.
struct Block::Cursor {
  ByteReader tags, details;
  std::uint32_t positions = 0, integers = 0, floats = 0;
};

Result<void> Block::read_runs(Slot& slot, Cursor& at) {
  slot.runs_at = static_cast<std::uint32_t>(runs_.size());
  if (slot.whole) return {};
  const auto count = at.details.varint();
  if (count > kBlockTicks || count > at.details.left()) return corrupt("a slot has too many gaps");
  slot.runs = static_cast<std::uint32_t>(count);
  for (std::uint32_t run = 0; run <= slot.runs; ++run) runs_.push_back(at.details.u8());
  return {};
}

Result<void> Block::read_positions(std::size_t index, Cursor& at) {
  auto& slot = slots_[index];
  const auto mode = at.details.varint();
  const auto number = mode >> 2;
  slot.position_mode = mode & 3;
  slot.changes = 0;
  slot.positions_at = at.positions;
  if (slot.position_mode == kOwn) {
    if (number == 0 || number > kBlockTicks) return corrupt("a slot has too many changes");
    slot.changes = static_cast<std::uint16_t>(number);
    at.positions += slot.changes;
    return {};
  }
  if (slot.position_mode == kEveryTick) return {};
  if (slot.position_mode != kSameAs || number == 0 || number > index) return corrupt("a slot refers to no other");
  const auto& other = slots_[index - number];
  if (other.kind == kEmpty || other.position_mode != kOwn || other.changes < 2)
    return corrupt("a slot refers to no other");
  slot.same_as = static_cast<std::uint16_t>(index - number);
  slot.changes = other.changes;
  return {};
}

// Where every tick is a change there are as many values as samples.
Result<std::uint32_t> Block::floats_of(const Slot& slot) const {
  if (slot.kind == kConstantFloat || slot.position_mode != kEveryTick) return slot.changes;
  if (slot.whole) return static_cast<std::uint32_t>(ticks_);
  std::uint32_t tick = 0, count = 0;
  for (std::uint32_t run = 0; run <= slot.runs; ++run) {
    const auto length = static_cast<std::uint8_t>(runs_[slot.runs_at + run]);
    tick += length;
    if (run % 2 == 1) count += length;
  }
  if (tick > kBlockTicks) return corrupt("a slot's gaps exceed the block");
  return count;
}

Result<void> Block::read_values(Slot& slot, bool exceptions, Cursor& at) {
  slot.odd_at = static_cast<std::uint32_t>(odd_.size());
  slot.floats_at = at.floats;
  if (exceptions) {
    slot.odd = at.details.u8();
    for (std::uint32_t k = 0; k < slot.odd; ++k) odd_.push_back(at.details.u8());
    at.floats += slot.odd;
  }
  if (slot.kind == kFloats || slot.kind == kConstantFloat) {
    auto count = floats_of(slot);
    if (!count) return fail(std::move(count).error());
    slot.floats = *count;
    at.floats += slot.floats;
  } else {
    slot.first = unzigzag(at.details.varint());
    if (slot.kind == kConstantInteger) return {};
    slot.integers_at = at.integers;
    const auto size = at.details.varint();
    if (size > integers_.size()) return corrupt("a slot's integers exceed the block");
    slot.integers = static_cast<std::uint32_t>(size);
    at.integers += slot.integers;
  }
  if (at.integers > integers_.size() || at.floats > plane_size_) return corrupt("a slot's values exceed the block");
  return {};
}

Result<void> Block::read_slot(std::size_t index, Cursor& at) {
  auto& slot = slots_[index];
  const auto tag = at.tags.u8();
  slot.kind = tag & 7;
  slot.decimals = (tag >> 3) & 7;
  slot.whole = (tag & 0x40) != 0;
  if (slot.kind > kFloats || slot.decimals > kMaxDecimals) return corrupt("a slot's tag is unknown");
  if (slot.kind == kEmpty) return {};
  if (auto read = read_runs(slot, at); !read) return read;
  slot.changes = 1;
  if (slot.kind != kConstantInteger && slot.kind != kConstantFloat)
    if (auto read = read_positions(index, at); !read) return read;
  return read_values(slot, (tag & 0x80) != 0, at);
}

Result<void> Block::read_starts(ByteReader& in) {
  const auto count = in.varint();
  if (count > kBlockSlots * kBlockTicks || count * 2 > in.left()) return corrupt("too many epochs begin");
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto slot = in.u8();
    const auto tick = in.u8();
    if (tick >= ticks_) return corrupt("an epoch begins outside the block");
    starts_.push_back({slot, tick});
  }
  return {};
}

// Fills slots_ with where each slot's parts begin, so that one slot is read without the others.
Result<void> Block::read_slots(std::string_view structure) {
  ByteReader in(structure);
  const auto tags = in.bytes(slots_.size());
  const auto size = in.varint();
  if (size > in.left()) return corrupt("its parts do not add up");
  Cursor at{ByteReader(tags), ByteReader(in.bytes(static_cast<std::size_t>(size)))};
  for (std::size_t i = 0; i < slots_.size(); ++i)
    if (auto read = read_slot(i, at); !read) return read;
  if (auto read = read_starts(in); !read) return read;
  positions_ = std::string(in.bytes(in.left()));
  if (!at.details.complete() || !in.complete() || at.positions != positions_.size() ||
      at.integers != integers_.size() || at.floats != plane_size_)
    return corrupt("its parts do not add up");
  return {};
}

Result<std::vector<std::uint8_t>> Block::positions(const Slot& slot, const std::vector<std::uint8_t>& runs,
                                                   std::size_t end) const {
  std::vector<std::uint8_t> at;
  if (slot.position_mode == kEveryTick) {
    for (std::size_t run = 0; run < runs.size(); run += 2) {
      const std::size_t until = run + 1 < runs.size() ? runs[run + 1] : end;
      for (std::size_t tick = runs[run]; tick < until; ++tick) at.push_back(static_cast<std::uint8_t>(tick));
    }
    return at;
  }
  const auto& own = slot.position_mode == kSameAs ? slots_[slot.same_as] : slot;
  at.reserve(own.changes);
  std::size_t tick = 0;
  for (std::size_t i = 0; i < own.changes; ++i) {
    tick += static_cast<std::uint8_t>(positions_[own.positions_at + i]);
    if (tick >= kBlockTicks) return corrupt("a change lies outside the block");
    at.push_back(static_cast<std::uint8_t>(tick));
  }
  return at;
}

Result<void> Block::unpack_planes() const {
  if (!planes_.empty() || plane_size_ == 0) return {};
  auto upper = unpack(packed_upper_, kMaxBlockBytes);
  if (!upper) return fail(std::move(upper).error());
  const auto lower = unpack(packed_lower_, kMaxBlockBytes);
  if (!lower) return fail(lower.error());
  planes_ = std::move(*upper) + *lower;
  return {};
}

std::uint64_t Block::plane_value(std::size_t index) const {
  std::uint64_t value = 0;
  for (std::size_t plane = 0; plane < 8; ++plane)
    value = value << 8 | static_cast<std::uint8_t>(planes_[plane * plane_size_ + index]);
  return value;
}

Result<std::vector<std::uint64_t>> Block::values(const Slot& slot, std::size_t count) const {
  std::vector<std::uint64_t> bits;
  bits.reserve(count);
  if (slot.floats > 0 || slot.odd > 0)
    if (auto unpacked = unpack_planes(); !unpacked) return fail(std::move(unpacked).error());
  if (slot.kind == kFloats || slot.kind == kConstantFloat) {
    if (slot.floats != count) return corrupt("a slot has another number of values than of changes");
    std::uint64_t last = 0;
    for (std::size_t i = 0; i < count; ++i) bits.push_back(last += plane_value(slot.floats_at + i));
    return bits;
  }
  auto scaled = static_cast<std::uint64_t>(slot.first);
  bits.push_back(from_decimal(static_cast<std::int64_t>(scaled), slot.decimals));
  ByteReader in(std::string_view(integers_).substr(slot.integers_at, slot.integers));
  std::uint64_t step = 0;
  for (std::size_t i = 1; i < count; ++i) {
    const auto next = static_cast<std::uint64_t>(unzigzag(in.varint()));
    step = slot.kind == kDeltas ? next : step + next;
    scaled += step;
    bits.push_back(from_decimal(static_cast<std::int64_t>(scaled), slot.decimals));
  }
  if (!in.complete()) return corrupt("a slot has another number of values than of changes");
  for (std::size_t i = 0; i < slot.odd; ++i) {
    const auto index = odd_[slot.odd_at + i];
    if (index >= count) return corrupt("a slot has an exception where it has no value");
    bits[index] = plane_value(slot.floats_at + i);
  }
  return bits;
}

Result<Column> Block::column(std::size_t index) const {
  if (!has(index)) return Column();
  const auto& slot = slots_[index];
  std::vector<std::uint8_t> runs;
  std::size_t end = ticks_;
  if (slot.whole) {
    runs.push_back(0);
  } else {
    std::size_t tick = 0;
    for (std::size_t i = 0; i <= slot.runs; ++i) {
      tick += runs_[slot.runs_at + i];
      if (tick > kBlockTicks) return corrupt("a slot's gaps exceed the block");
      if (i < slot.runs) runs.push_back(static_cast<std::uint8_t>(tick));
    }
    end = tick;
  }
  if (end > ticks_ || runs.empty()) return corrupt("a slot's gaps exceed the block");
  std::vector<std::uint8_t> at;
  if (slot.kind == kConstantInteger || slot.kind == kConstantFloat) {
    at.push_back(runs[0]);
  } else {
    auto found = positions(slot, runs, end);
    if (!found) return fail(std::move(found).error());
    at = std::move(*found);
  }
  auto bits = values(slot, at.size());
  if (!bits) return fail(std::move(bits).error());
  return Column::make(std::move(runs), end, std::move(at), std::move(*bits));
}

}  // namespace pgtend::store::codec
