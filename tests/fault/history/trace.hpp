#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/model/snapshot.hpp"
#include "agent/store/history_file.hpp"
#include "tests/support/fake_clock.hpp"

namespace pgtend::test {

// What a stored trace looks like when it is read back.
struct TraceCheck {
  std::int64_t right = 0;
  std::int64_t wrong = 0;    // a value that was never appended at that time
  std::int64_t coarse = 0;   // of them those between two ticks
  std::int64_t missing = 0;  // not there
  std::int64_t first_missing_tick = -1;
};

// Samples whose value follows from series and tick alone, so that any reader can tell whether they are right. Constant,
// sparse, dense, decimal and random series take turns. More series than one block has slots, when asked for.
class Trace {
 public:
  Trace(int series, UtcTime start, Millis step = Millis(10'000)) : series_(series), start_(start), step_(step) {}

  [[nodiscard]] int series() const { return series_; }
  [[nodiscard]] UtcTime time(std::int64_t tick) const { return start_ + step_ * tick; }
  [[nodiscard]] static double value(int series, std::int64_t tick);
  [[nodiscard]] SnapshotPtr snapshot(std::int64_t tick) const { return snapshot_at(tick, time(tick)); }
  // The values of a tick under another time, as after a step of the clock.
  [[nodiscard]] SnapshotPtr snapshot_at(std::int64_t tick, UtcTime at) const;

  // Reads ticks from..to (inclusive) and compares. Errors: those of the reader.
  [[nodiscard]] Result<TraceCheck> check(HistoryReader& reader, std::int64_t from, std::int64_t to) const;

 private:
  int series_;
  UtcTime start_;
  Millis step_;
};

// The seed of this run, printed by every case that fails; PGTEND_SEED repeats it.
[[nodiscard]] std::uint32_t fault_seed();
// The number of repetitions: `full` under ./dev fault history, else the slice that every test run affords.
[[nodiscard]] int fault_rounds(int slice, int full);
// Adds a row to the file that PGTEND_FAULT_REPORT names, for the table of the bench.
void report_row(const std::string& row, const std::string& metric, const std::string& value, const std::string& goal,
                bool met);

// A store in a folder of its own, whose store thread is the caller.
struct FaultStore {
  static store::HistoryOptions options(const std::string& path, std::int64_t max_bytes = 64LL << 20);
  Result<void> open(const store::HistoryOptions& options, const Clock& clock);
  // Appends and commits.
  Result<void> write(SnapshotPtr snapshot);
  [[nodiscard]] Result<TraceCheck> check(const Trace& trace, std::int64_t from, std::int64_t to) const;

  std::unique_ptr<store::HistoryFile> file;
};

}  // namespace pgtend::test
