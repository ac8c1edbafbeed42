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

Result<std::string> read_part(ByteReader& in) {
  const auto size = in.varint();
  if (size > kMaxBlockBytes) return corrupt("a part is too long");
  return unpack(in.bytes(static_cast<std::size_t>(size)), kMaxBlockBytes);
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
  auto upper = read_part(in);
  auto lower = read_part(in);
  for (auto* part : {&structure, &integers, &upper, &lower})
    if (!*part) return fail(std::move(*part).error());
  if (!in.complete()) return corrupt("bytes follow its end");
  block.integers_ = std::move(*integers);
  block.plane_size_ = upper->size() / kUpperPlanes;
  if (upper->size() % kUpperPlanes != 0 || lower->size() != block.plane_size_ * (8 - kUpperPlanes))
    return corrupt("its byte planes differ in length");
  block.planes_ = std::move(*upper) + *lower;
  block.slots_.resize(slots);
  if (auto read = block.read_slots(*structure); !read) return fail(std::move(read).error());
  return block;
}

// Fills slots_ with where each slot's parts begin, so that one slot is read without the others.
Result<void> Block::read_slots(std::string_view structure) {
  ByteReader in(structure);
  ByteReader tags(in.bytes(slots_.size()));
  const auto details_size = in.varint();
  ByteReader details(in.bytes(static_cast<std::size_t>(std::min<std::uint64_t>(details_size, structure.size() + 1))));
  std::uint32_t positions = 0, integers = 0, floats = 0;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    auto& slot = slots_[i];
    const auto tag = tags.u8();
    slot.kind = tag & 7;
    slot.decimals = (tag >> 3) & 7;
    slot.whole = (tag & 0x40) != 0;
    if (slot.kind > kFloats || slot.decimals > kMaxDecimals) return corrupt("a slot's tag is unknown");
    if (slot.kind == kEmpty) continue;
    slot.runs_at = static_cast<std::uint32_t>(runs_.size());
    if (!slot.whole) {
      slot.runs = static_cast<std::uint32_t>(details.varint());
      if (slot.runs > kBlockTicks || slot.runs > details.left()) return corrupt("a slot has too many gaps");
      for (std::uint32_t run = 0; run <= slot.runs; ++run) runs_.push_back(details.u8());
    }
    const bool constant = slot.kind == kConstantInteger || slot.kind == kConstantFloat;
    slot.changes = 1;
    if (!constant) {
      const auto mode = details.varint();
      slot.position_mode = mode & 3;
      const auto number = mode >> 2;
      slot.changes = 0;
      slot.positions_at = positions;
      if (slot.position_mode == kOwn) {
        if (number == 0 || number > kBlockTicks) return corrupt("a slot has too many changes");
        slot.changes = static_cast<std::uint16_t>(number);
        positions += slot.changes;
      } else if (slot.position_mode == kSameAs) {
        if (number == 0 || number > i || slots_[i - number].kind == kEmpty ||
            slots_[i - number].position_mode != kOwn || slots_[i - number].changes < 2)
          return corrupt("a slot refers to no other");
        slot.same_as = static_cast<std::uint16_t>(i - number);
        slot.changes = slots_[slot.same_as].changes;
      } else if (slot.position_mode != kEveryTick) {
        return corrupt("a slot's positions are of no known form");
      }
    }
    slot.odd_at = static_cast<std::uint32_t>(odd_.size());
    slot.floats_at = floats;
    if ((tag & 0x80) != 0) {
      slot.odd = details.u8();
      for (std::uint32_t k = 0; k < slot.odd; ++k) odd_.push_back(details.u8());
      floats += slot.odd;
    }
    if (slot.kind == kFloats || slot.kind == kConstantFloat) {
      slot.floats = slot.changes;
      // Every tick: as many as the runs have; known once they are read.
      if (slot.position_mode == kEveryTick && !constant) {
        if (slot.whole) {
          slot.floats = static_cast<std::uint32_t>(ticks_);
        } else {
          std::size_t tick = 0, count = 0;
          for (std::uint32_t run = 0; run <= slot.runs; ++run) {
            tick += runs_[slot.runs_at + run];
            if (run % 2 == 1) count += runs_[slot.runs_at + run];
          }
          if (tick > kBlockTicks) return corrupt("a slot's gaps exceed the block");
          slot.floats = static_cast<std::uint32_t>(count);
        }
      }
      floats += slot.floats;
    } else {
      slot.first = unzigzag(details.varint());
      if (!constant) {
        slot.integers_at = integers;
        const auto size = details.varint();
        if (size > integers_.size()) return corrupt("a slot's integers exceed the block");
        slot.integers = static_cast<std::uint32_t>(size);
        integers += slot.integers;
      }
    }
    if (integers > integers_.size() || floats > plane_size_) return corrupt("a slot's values exceed the block");
  }
  const auto starts = in.varint();
  if (starts > kBlockSlots * kBlockTicks || starts * 2 > in.left()) return corrupt("too many epochs begin");
  for (std::uint64_t i = 0; i < starts; ++i) {
    const auto slot = in.u8();
    const auto tick = in.u8();
    if (tick >= ticks_) return corrupt("an epoch begins outside the block");
    starts_.push_back({slot, tick});
  }
  positions_ = std::string(in.bytes(in.left()));
  if (!details.complete() || !in.complete()) return corrupt("its parts do not add up");
  if (positions != positions_.size() || integers != integers_.size() || floats != plane_size_)
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

std::uint64_t Block::plane_value(std::size_t index) const {
  std::uint64_t value = 0;
  for (std::size_t plane = 0; plane < 8; ++plane)
    value = value << 8 | static_cast<std::uint8_t>(planes_[plane * plane_size_ + index]);
  return value;
}

Result<std::vector<std::uint64_t>> Block::values(const Slot& slot, std::size_t count) const {
  std::vector<std::uint64_t> bits;
  bits.reserve(count);
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
