#pragma once

#include <cstdint>
#include <string_view>

namespace pgtend::store::codec {

// CRC-32C (Castagnoli) of `bytes`, continuing from `seed` (0 begins). Source: RFC 3720, appendix B.4.
[[nodiscard]] std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed = 0);

}  // namespace pgtend::store::codec
