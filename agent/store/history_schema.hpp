#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "agent/base/result.hpp"
#include "agent/store/sqlite.hpp"

// The shape of history.db; private to agent/store.
namespace pgtend::store {

// Samples lie in buckets of time, within a bucket by series: one commit touches a few pages at the end of the tree (not
// one page per series), a range of one series is one seek per bucket, and the oldest bucket goes as a whole.
inline constexpr std::int64_t kBucketMs = 300'000;

[[nodiscard]] constexpr std::int64_t bucket_of(std::int64_t ms) {
  return ms >= 0 ? ms / kBucketMs : (ms - kBucketMs + 1) / kBucketMs;
}

// Why an epoch row is there; only resets are reported as reset events.
enum class EpochCause : std::int64_t { first = 0, reset = 1, clock = 2 };

// Opens the file for writing, checks it and creates or verifies the schema.
// Errors: corrupt (not a sound database), conflict (another program's database), unsupported (a newer version's), io.
Result<std::unique_ptr<Database>> open_history(const std::string& path);

// A read-only connection with a bounded cache. Errors: io, corrupt.
Result<std::unique_ptr<Database>> open_history_reader(const std::string& path);

}  // namespace pgtend::store
