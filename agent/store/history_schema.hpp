#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "agent/base/result.hpp"
#include "agent/store/series_index.hpp"
#include "agent/store/sqlite.hpp"

// The shape of history.db; private to agent/store.
namespace pgtend::store {

// Version 1 had one row per sample, version 2 has blocks and a durable head, version 3 active sessions as well, version
// 4 check sums of names and series, which are three bytes long since version 5.
inline constexpr std::int64_t kHistoryVersion = 5;
// The oldest version whose file is used as it is, but for what it lacks.
inline constexpr std::int64_t kSameFileSince = 2;
// The first one with active sessions.
inline constexpr std::int64_t kSessionsSince = 3;
// The first one with check sums of names and series.
inline constexpr std::int64_t kNameSumsSince = 4;

// What a block holds of its group. Gauges of a coarse tier have four values per bucket, counters only the last one.
enum class Tier : std::uint8_t { raw = 0, five_minutes = 1, one_hour = 2 };
enum class Part : std::uint8_t { main = 0, count = 1, least = 2, greatest = 3 };

using Lane = std::int64_t;
[[nodiscard]] constexpr Lane lane_of(Tier tier, Part part, GroupId group) {
  const auto code = tier == Tier::raw ? 0 : static_cast<std::int64_t>(tier) * 4 - 3 + static_cast<std::int64_t>(part);
  return code << 28 | static_cast<std::int64_t>(group);
}
[[nodiscard]] constexpr bool is_raw(Lane lane) {
  return lane >> 28 == 0;
}
[[nodiscard]] constexpr Tier tier_of(Lane lane) {
  const auto code = lane >> 28;
  return code == 0 ? Tier::raw : code <= 4 ? Tier::five_minutes : Tier::one_hour;
}
// Source: nine codes, raw and four parts of two tiers.
inline constexpr std::int64_t kLaneCodes = 9;

// A block's row id sorts by lane, then by its number: the first tick (raw) or a running number (coarse tiers). A rowid
// table keeps the last part of a long row beside others; an index tree would waste half a page per block.
[[nodiscard]] constexpr std::int64_t block_id(Lane lane, std::int64_t number) {
  return lane << 31 | (number & 0x7fffffff);
}
[[nodiscard]] constexpr Lane lane_of_block(std::int64_t id) {
  return id >> 31;
}
[[nodiscard]] constexpr std::int64_t number_of_block(std::int64_t id) {
  return id & 0x7fffffff;
}

// Ticks of a scope are kept in chunks shared by its groups, twice: one damaged page must not cost a scope its times.
inline constexpr std::int64_t kChunkTicks = 240;
inline constexpr std::int64_t kTickCopies = 2;
[[nodiscard]] constexpr std::int64_t tick_id(std::int64_t copy, std::uint32_t scope, std::int64_t chunk) {
  return copy << 60 | static_cast<std::int64_t>(scope) << 32 | (chunk & 0xffffffff);
}

[[nodiscard]] constexpr Millis width_of(Tier tier) {
  return tier == Tier::raw ? Millis(0) : tier == Tier::five_minutes ? Millis(300'000) : Millis(3'600'000);
}

// Times beyond are not believed. Source: the last millisecond of the year 9999.
// Ids are given one by one, so that none comes near this; in a damaged file one may.
inline constexpr std::int64_t kMaxId = 1LL << 62;
// Samples of some blocks, whatever a damaged row says. Source: 240 ticks of 256 slots.
inline constexpr const char* kSumSamples = "sum(min(max(samples, 0), 61440))";
inline constexpr std::int64_t kLatestMs = 253'402'300'799'999;

// The check sum of a row: its key is part of it, so that a row in the wrong place is found too.
[[nodiscard]] std::int64_t row_crc(std::int64_t key, std::int64_t more, std::string_view bytes);

[[nodiscard]] inline std::int64_t head_crc(std::uint32_t scope, std::int64_t seq, std::int64_t ms,
                                           std::string_view bytes) {
  return row_crc(static_cast<std::int64_t>(scope) << 40 ^ seq, ms, bytes);
}
[[nodiscard]] inline std::int64_t block_crc(std::int64_t id, std::int64_t ticks, std::int64_t min_ms,
                                            std::int64_t max_ms, std::string_view bytes) {
  return row_crc(id, min_ms ^ max_ms << 1 ^ ticks << 2, bytes);
}

[[nodiscard]] inline std::int64_t sessions_crc(std::int64_t from_ms, std::int64_t to_ms, std::string_view bytes) {
  return row_crc(from_ms, to_ms, bytes);
}

// Opens the file for writing, checks it and creates the schema or brings it to this version: one of version 2 gets what
// it lacks, one of version 1 is kept as a backup beside the new one and `migrated_from` then names it. Errors: corrupt
// (not a sound database), conflict (another program's database), unsupported (a newer version's), io.
Result<std::unique_ptr<Database>> open_history(const std::string& path, UtcTime now, std::string& migrated_from);

// A read-only connection with a bounded cache. Errors: io, corrupt.
Result<std::unique_ptr<Database>> open_history_reader(const std::string& path);

}  // namespace pgtend::store
