// Hands arbitrary bytes to every decoder of the block codec: each gives samples within bounds or an error. Columns made
// of the bytes must come back from a block bit by bit.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "agent/store/codec/block.hpp"
#include "agent/store/codec/bytes.hpp"
#include "agent/store/codec/packing.hpp"
#include "agent/store/codec/tick_row.hpp"
#include "agent/store/codec/ticks.hpp"

using namespace pgtend::store::codec;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void read_block(std::string_view bytes) {
  const auto block = Block::open(bytes);
  if (!block) return;
  require(block->ticks() <= kBlockTicks && block->slots() <= kBlockSlots);
  for (const auto& start : block->starts()) require(start.tick < block->ticks());
  for (std::size_t slot = 0; slot < block->slots(); ++slot) {
    const auto column = block->column(slot);
    if (!column) continue;
    std::size_t count = 0, last = 0;
    column->each([&](std::size_t tick, std::uint64_t) {
      require(tick < block->ticks() && (count == 0 || tick > last));
      last = tick;
      ++count;
    });
    require(count == column->count());
  }
}

// The bytes as the parts of a block before they are packed: packing would stop nearly every mutation.
void read_parts(std::string_view bytes) {
  ByteReader in(bytes);
  ByteWriter out;
  out.bytes(in.bytes(4));
  for (int part = 0; part < 4; ++part) {
    const auto size = part < 3 ? std::min<std::size_t>(in.u16(), in.left()) : in.left();
    const auto packed = pack(in.bytes(size), 1);
    out.varint(packed.size());
    out.bytes(packed);
  }
  read_block(out.view());
}

void round_trip(std::string_view bytes) {
  ByteReader in(bytes);
  std::vector<Column> columns(1 + in.u8() % 8);
  std::vector<std::vector<std::pair<std::size_t, std::uint64_t>>> put(columns.size());
  for (std::size_t slot = 0; slot < columns.size(); ++slot) {
    std::uint64_t bits = 0;
    for (std::size_t tick = 0; tick < kBlockTicks && in.left() > 0; ++tick) {
      const auto code = in.u8();
      if (code % 4 == 0) continue;
      if (code % 4 == 1) bits = in.u64();
      if (code % 4 == 2) bits = std::bit_cast<std::uint64_t>(static_cast<double>(code) / 8);
      columns[slot].put(tick, bits);
      put[slot].emplace_back(tick, bits);
    }
  }
  const auto block = Block::open(encode_block(columns, {}, kBlockTicks));
  require(block.has_value());
  for (std::size_t slot = 0; slot < columns.size(); ++slot) {
    const auto column = block->column(slot);
    require(column.has_value());
    std::vector<std::pair<std::size_t, std::uint64_t>> got;
    column->each([&](std::size_t tick, std::uint64_t bits) { got.emplace_back(tick, bits); });
    require(got == put[slot]);
  }
}

void read_row(std::string_view bytes) {
  const std::vector<std::uint64_t> before(64, 0x4045000000000000ULL);
  const auto row = decode_tick_row(bytes, before);
  if (!row) return;
  for (std::size_t i = 0; i < row->values.size(); ++i)
    require(row->values[i].place < before.size() && (i == 0 || row->values[i].place > row->values[i - 1].place));
  for (const auto& epoch : row->epochs) require(epoch.place < before.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      read_block(bytes);
      break;
    case 1:
      read_parts(bytes);
      break;
    case 2:
      round_trip(bytes);
      break;
    case 3:
      read_row(bytes);
      break;
    default:
      if (const auto times = decode_ticks(bytes, kBlockTicks)) require(times->size() <= kBlockTicks);
  }
  return 0;
}
