#pragma once

#include <memory>
#include <string>

#include "agent/store/history_file.hpp"
#include "tests/conformance/promql/prometheus.hpp"
#include "tests/support/fake_clock.hpp"

namespace pgtend::bench {

// A data set in a history file of its own, written as collectors write it; removed at the end.
class Stored {
 public:
  // Throws std::runtime_error when the store refuses.
  explicit Stored(const test::Dataset& data);
  [[nodiscard]] std::unique_ptr<HistoryReader> reader();

 private:
  test::TempDir dir_{"pgtend-bench"};
  test::FakeClock clock_;
  std::unique_ptr<store::HistoryFile> file_;
};

// Families of gauges and counters, `series` of each, `seconds` long at 15 s, up to `end`.
test::Dataset families(int count, int series, int seconds, UtcTime end);

}  // namespace pgtend::bench
