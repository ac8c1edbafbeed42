#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.hpp"

// One tick of one target as the durable head keeps it: what changed since the tick before, or everything.
namespace pgtend::store::codec {

struct TickValue {
  std::uint32_t place = 0;   // of the series within its target
  bool present = true;       // false: no sample any more; bits have no meaning
  std::uint64_t bits = 0;    // of the double
  std::uint64_t before = 0;  // of the sample before; 0 when there was none, and in a full row
  bool operator==(const TickValue&) const = default;
};

struct TickEpoch {
  std::uint32_t place = 0;
  bool starts = false;  // rates may not cross this tick; false: only told, as for a new series or in a full row
  std::uint64_t epoch = 0;
  bool operator==(const TickEpoch&) const = default;
};

struct TickRow {
  // Stands alone: places it does not name have no sample.
  bool full = false;
  std::vector<TickValue> values;  // ascending by place
  std::vector<TickEpoch> epochs;  // ascending by place
  bool operator==(const TickRow&) const = default;
};

[[nodiscard]] std::string encode_tick_row(const TickRow& row);

// `before[place]`: bits of the last sample; not looked at for a full row. Places at or above its size are an error.
// Errors: corrupt, not retryable.
[[nodiscard]] Result<TickRow> decode_tick_row(std::string_view bytes, std::span<const std::uint64_t> before);

}  // namespace pgtend::store::codec
