#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/change/verify/judge.hpp"
#include "agent/model/history.hpp"

namespace pgtend::change::verify {

// Windows of statement counters of one database from history: pgtend_statements_{calls,exec_seconds,rows,
// shared_blocks_hit,shared_blocks_read,wal_bytes}_total by queryid. A difference never crosses a reset epoch nor a window
// in which a series has no sample; windows without any are left out. Errors: those of the reader.
[[nodiscard]] Result<std::vector<StatementWindow>> statement_windows(HistoryReader& history, const std::string& database,
                                                                     TimeRange range, Millis window);

// The heaviest statements by execution time that are not targets, at most `limit`, present in most windows.
[[nodiscard]] std::set<std::int64_t> pick_controls(const std::vector<StatementWindow>& windows,
                                                   const std::set<std::int64_t>& targets, std::size_t limit);

// Per statement: calls, buffers, WAL and milliseconds per call; JSON, numbers only, for the ledger.
[[nodiscard]] std::string evidence_json(const std::vector<StatementWindow>& windows, const std::set<std::int64_t>& targets,
                                        const std::set<std::int64_t>& controls);

}  // namespace pgtend::change::verify
