#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/store/codec/column.hpp"

// A block: the columns of up to 256 series over up to 240 ticks, and the reset epochs that begin in it.
// Positions of changes and values of changes lie apart; integers and short decimals are stored as deltas, other values
// by byte planes; the whole is packed. Source of the layout: performance reference, sections 3 and 5.2.
namespace pgtend::store::codec {

class ByteReader;

// REQUIRES: at most kBlockSlots columns, `ticks` at most kBlockTicks and at least every column's end.
[[nodiscard]] std::string encode_block(std::span<const Column> columns, std::span<const EpochStart> starts,
                                       std::size_t ticks);

// An encoded block, opened. Any bytes either open or give an error; memory is bounded by kMaxBlockBytes.
class Block {
 public:
  // Errors: corrupt, not retryable.
  static Result<Block> open(std::string_view bytes);

  [[nodiscard]] std::size_t ticks() const { return ticks_; }
  // One past the last slot with samples.
  [[nodiscard]] std::size_t slots() const { return slots_.size(); }
  [[nodiscard]] bool has(std::size_t slot) const { return slot < slots_.size() && slots_[slot].kind != 0; }
  // The samples of one slot; empty when it has none. Only this slot's bytes are read. Errors: corrupt, not retryable.
  // REQUIRES: one thread at a time.
  [[nodiscard]] Result<Column> column(std::size_t slot) const;
  [[nodiscard]] std::span<const EpochStart> starts() const { return starts_; }
  // Memory that it takes, its byte planes counted as unpacked.
  [[nodiscard]] std::size_t bytes() const;

 private:
  struct Slot {
    std::uint8_t kind = 0, decimals = 0, position_mode = 0;
    bool whole = false;  // present at every tick
    std::uint16_t changes = 0;
    std::uint16_t same_as = 0;                    // slot whose positions these are
    std::uint32_t runs_at = 0, runs = 0;          // in runs_
    std::uint32_t positions_at = 0;               // in positions_
    std::uint32_t integers_at = 0, integers = 0;  // bytes in integers_
    std::uint32_t floats_at = 0, floats = 0;      // values in the planes
    std::uint32_t odd_at = 0, odd = 0;            // in odd_
    std::int64_t first = 0;
  };
  Block() = default;
  struct Cursor;
  Result<void> read_slots(std::string_view structure);
  Result<void> read_slot(std::size_t index, Cursor& at);
  Result<void> read_runs(Slot& slot, Cursor& at);
  Result<void> read_positions(std::size_t index, Cursor& at);
  Result<void> read_values(Slot& slot, bool exceptions, Cursor& at);
  Result<void> read_starts(ByteReader& in);
  [[nodiscard]] Result<std::uint32_t> floats_of(const Slot& slot) const;
  [[nodiscard]] Result<std::vector<std::uint8_t>> positions(const Slot& slot, const std::vector<std::uint8_t>& runs,
                                                            std::size_t end) const;
  [[nodiscard]] Result<void> unpack_planes() const;
  [[nodiscard]] std::uint64_t plane_value(std::size_t index) const;
  [[nodiscard]] Result<std::vector<std::uint64_t>> values(const Slot& slot, std::size_t count) const;

  std::size_t ticks_ = 0;
  std::vector<Slot> slots_;
  std::vector<EpochStart> starts_;
  std::vector<std::uint8_t> runs_;
  std::vector<std::uint8_t> odd_;
  std::string positions_, integers_;
  std::size_t plane_size_ = 0;
  // Most slots have integers only, so the planes stay packed until one is asked for that has others.
  std::string packed_upper_, packed_lower_;
  mutable std::string planes_;
};

// Source: 256 slots × 240 values × (8 bytes + 1 of position + 10 of the longest varint), rounded up.
inline constexpr std::size_t kMaxBlockBytes = 2 << 20;

}  // namespace pgtend::store::codec
