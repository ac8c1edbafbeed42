#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/store/head.hpp"
#include "agent/store/pending.hpp"

// Coarser copies of blocks; private to agent/store. Pure: no file, no clock.
namespace pgtend::store {

inline constexpr std::size_t kTierParts = 4;

// The newest block of a coarse tier of one group: it grows until it has kBlockTicks buckets.
struct OpenTier {
  std::int64_t number = 0;
  std::int64_t first_bucket = 0;
  std::int64_t buckets = 0;
  std::array<std::string, kTierParts> data;  // by Part; empty when the part has no values
};

// The rows that hold `open` and the samples of `frozen` behind it: the open block again, and those that begin after it.
// Counters keep the last value of each bucket, gauges sum, count, least and greatest (the latter two only where they
// differ). NaNs and stale markers are left out. A damaged open block is left as it is and a new one begun.
// A block spans at most `buckets` (1 to kBlockTicks) buckets: what is to be dropped early must not lie in a long one.
[[nodiscard]] std::vector<BlockRow> add_to_tier(Tier tier, const Frozen& frozen, const std::optional<OpenTier>& open,
                                                std::int64_t buckets);

}  // namespace pgtend::store
