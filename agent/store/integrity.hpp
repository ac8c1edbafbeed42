#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/base/result.hpp"

// Whether what history.db holds is what was written. SQLite's own check misses flipped bits inside rows (60 of 60 in a
// measurement), so every block, chunk of ticks, head row, name and series has a check sum.
namespace pgtend::store {

struct IntegrityReport {
  bool sound = false;     // nothing below is wrong
  std::string structure;  // what SQLite says of pages and indexes: "ok", or the first fault
  std::int64_t blocks = 0, bad_blocks = 0;
  std::int64_t chunks = 0, bad_chunks = 0;  // of ticks; each is there twice
  std::int64_t rows = 0, bad_rows = 0;      // of the head, of names, series and active sessions
  // The stretch of time in which samples of some series are lost, when blocks are bad.
  std::optional<UtcTime> bad_from, bad_to;
};

// Reads the whole file, in short transactions, on a read-only connection of its own. Errors: io; not_found (no such
// file); unsupported (another version). Retryable: io. Any thread, but not the store thread: a large file takes
// seconds.
[[nodiscard]] Result<IntegrityReport> check_history(const std::string& path);

// The same for a file that no agent uses: takes the file's lock first. Errors: also conflict (an agent has it).
[[nodiscard]] Result<IntegrityReport> check_history_offline(const std::string& path);

}  // namespace pgtend::store
