#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "agent/change/verify/judge.hpp"

// Inside change/verify: what statements cost per call, as one number per window or block.
namespace pgtend::change {

enum class Metric { buffers, wal_bytes, exec_ms, exec_p95_ms };
[[nodiscard]] std::string_view to_string(Metric metric);  // "buffers per call"
[[nodiscard]] double amount_of(const StatementCounts& counts, Metric metric);

// Calls and cost per call of each statement before the change.
class Baseline {
 public:
  Baseline(const std::vector<StatementWindow>& before, const std::vector<std::int64_t>& ids, Metric metric);

  // Laspeyres: what the before mix would cost at this window's cost per call, over what it did cost. A statement
  // without calls in the window counts as the average of the others. nullopt when none was called.
  [[nodiscard]] std::optional<double> index_of(const std::map<std::int64_t, StatementCounts>& window) const;
  [[nodiscard]] bool empty() const { return statements_.empty(); }
  struct Entry {
    double calls = 0, cost = 0;
  };
  [[nodiscard]] const std::map<std::int64_t, Entry>& statements() const { return statements_; }

 private:
  Metric metric_;
  std::map<std::int64_t, Entry> statements_;
};

// Log of the ratio target/control, one value per window in which both were called.
[[nodiscard]] std::vector<double> log_ratios(const std::vector<StatementWindow>& windows, const Baseline& target,
                                             const Baseline* control);

// Variance of the log of what index_of gives for all windows together, as far as it comes from single calls that
// differ: no test can be surer than they allow. 0 where it is not known.
[[nodiscard]] double call_variance(const std::vector<StatementWindow>& windows, const Baseline& baseline);

// Windows added up over `block`, counted from the first; a block that is less than half filled is left out.
[[nodiscard]] std::vector<StatementWindow> blocks_of(const std::vector<StatementWindow>& windows, Millis block);

}  // namespace pgtend::change
