#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

// Doubles that are integers or short decimals, as integers; private to the codec.
namespace pgtend::store::codec {

// Source: the collectors' finest unit is a microsecond.
inline constexpr unsigned kMaxDecimals = 6;
inline constexpr double kPowersOfTen[kMaxDecimals + 1] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
// Up to here every integer is a double.
inline constexpr double kMaxExact = 9007199254740992.0;

[[nodiscard]] inline std::uint64_t from_decimal(std::int64_t scaled, unsigned decimals) {
  return std::bit_cast<std::uint64_t>(static_cast<double>(scaled) / kPowersOfTen[decimals]);
}

// Gives value × 10^decimals when from_decimal brings back the very same bits (so not for -0, NaN or infinities).
[[nodiscard]] inline bool to_decimal(std::uint64_t bits, unsigned decimals, std::int64_t& scaled) {
  const double rounded = std::nearbyint(std::bit_cast<double>(bits) * kPowersOfTen[decimals]);
  if (!(std::fabs(rounded) <= kMaxExact)) return false;
  scaled = static_cast<std::int64_t>(rounded);
  return from_decimal(scaled, decimals) == bits;
}

}  // namespace pgtend::store::codec
