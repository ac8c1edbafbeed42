#pragma once

#include <cstdint>

// What encoder and decoder of a block agree on; private to the codec.
//
//   version u8, ticks u8, slots u16, then four packed parts, each with its length before it:
//   structure, integers, upper planes, lower planes
//   structure: tag u8 per slot, then per slot what its tag asks for, then the epoch starts and the positions
namespace pgtend::store::codec {

inline constexpr std::uint8_t kBlockVersion = 1;

// What a slot's values are.
enum SlotKind : std::uint8_t {
  kEmpty = 0,
  kConstantInteger = 1,
  kConstantFloat = 2,
  kDeltas = 3,          // integers: each from the one before
  kDeltasOfDeltas = 4,  // integers: each step from the step before
  kFloats = 5,
};

// How a slot says at which ticks its value changes.
enum PositionMode : std::uint8_t {
  kOwn = 0,
  kEveryTick = 1,
  kSameAs = 2,  // as an earlier slot
};

// The tag of a slot: kind in bits 0-2, decimals in bits 3-5, presence at every tick in bit 6, exceptions in bit 7.
[[nodiscard]] constexpr std::uint8_t make_tag(std::uint8_t kind, unsigned decimals, bool whole, bool odd) {
  return static_cast<std::uint8_t>(kind | decimals << 3 | (whole ? 0x40 : 0) | (odd ? 0x80 : 0));
}

// Source: in doubles of nearby values the sign, the exponent and the first bits of the mantissa repeat; the rest is
// noise that packing would only slow down.
inline constexpr unsigned kUpperPlanes = 3;

}  // namespace pgtend::store::codec
