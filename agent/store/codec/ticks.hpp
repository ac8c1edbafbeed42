#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.hpp"

namespace pgtend::store::codec {

// The times of consecutive ticks in milliseconds since 1970, as differences of their differences.
[[nodiscard]] std::string encode_ticks(std::span<const std::int64_t> times_ms);

// Errors: corrupt (other bytes, or more than `limit` ticks), not retryable.
[[nodiscard]] Result<std::vector<std::int64_t>> decode_ticks(std::string_view bytes, std::size_t limit);

}  // namespace pgtend::store::codec
