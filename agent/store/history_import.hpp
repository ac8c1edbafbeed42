#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/model/history.hpp"

namespace pgtend::store {

// Samples of one series from elsewhere. A series may come in several pieces.
struct PastSeries {
  SeriesKey key;
  MetricKind kind = MetricKind::gauge;
  std::vector<Sample> samples;
  std::vector<UtcTime> resets;  // at which a new epoch begins
};

struct ImportReport {
  std::int64_t series = 0, samples = 0;
  std::int64_t repeated = 0;  // samples of a series and moment that were there already; the first one stays
  std::optional<UtcTime> from, to;
  std::int64_t bytes = 0;  // of the file afterwards
};

// The next piece, nullopt at the end. Errors are handed on.
using NextPast = std::function<Result<std::optional<PastSeries>>()>;

// Brings samples from elsewhere into a history file that no agent uses, behind what it has: history goes forward, so
// that samples from before its newest one would hide it. The pieces are sorted in a file beside it (24 bytes and more
// per sample), which is removed. A new file is made when there is none. Nothing is deleted for its age; the cap of
// `max_bytes` holds.
// Errors: conflict (an agent uses the file, or it has samples as new as the first one), invalid_argument (nothing to
// import, or max_bytes too small), io, resource_exhausted, those of `next`. Not retryable; what came in until then
// stays. REQUIRES: a thread that may block for long.
[[nodiscard]] Result<ImportReport> import_history(const std::string& to, std::int64_t max_bytes, const NextPast& next);

}  // namespace pgtend::store
