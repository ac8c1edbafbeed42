#pragma once

#include <cstdint>
#include <string>

#include "agent/base/result.hpp"

namespace pgtend::store {

struct RecoveryReport {
  std::int64_t series = 0;
  std::int64_t blocks = 0, samples = 0;  // copied
  std::int64_t head_rows = 0;            // copied: ticks whose samples are in no block yet, or not in all of theirs
  std::int64_t lost_rows = 0;            // of any table: damaged, or not readable any more
};

// Copies what checks out of `from` into a new file `to`: names, blocks, ticks, head rows, gaps and events. `from` is
// only read. Errors: conflict (an agent uses `from`, or `to` exists), not_found, unsupported (another version), io. Not
// retryable. REQUIRES: not the store thread; a large file takes seconds.
[[nodiscard]] Result<RecoveryReport> recover_history(const std::string& from, const std::string& to);

}  // namespace pgtend::store
