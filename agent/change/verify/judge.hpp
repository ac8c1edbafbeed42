#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/change/verify/options.hpp"
#include "agent/model/change.hpp"

namespace pgtend::change {

// What one statement did in one window: differences of its counters, summed over users.
struct StatementCounts {
  double calls = 0;
  double exec_ms = 0;
  double buffers = 0;  // shared blocks hit + read
  double wal_bytes = 0;
  double rows = 0;
  double exec_squares = 0;  // ms²; sum of the squared times of its calls; 0: not known
};
// Standard deviation of one call, in milliseconds; 0 where the squares are not known.
[[nodiscard]] double call_deviation(const StatementCounts& counts);

struct StatementWindow {
  UtcTime start;
  Millis length{0};
  std::map<std::int64_t, StatementCounts> statements;  // by queryid
  // Counters of a target were reset, lost or thrown out in it, or the server was started anew: it is not compared.
  bool reset = false;
};

// Gaps and lost windows do not count: what is needed is observed time, not elapsed time.
[[nodiscard]] Millis observed_time(const std::vector<StatementWindow>& windows);

struct StatementSets {
  std::vector<std::int64_t> targets;   // everything whose plan may change, the writes below included
  std::vector<std::int64_t> writes;    // INSERT, UPDATE, DELETE among the targets: judged by WAL per call too
  std::vector<std::int64_t> controls;  // heavy statements on other tables
};

// The same hours a week before: what moves by the hour of the week is not the change's doing. Empty: not known.
struct Season {
  std::vector<StatementWindow> before, after;
};

// Compares the target statements with the live control group: the calls-weighted index of each side at the before mix
// (Laspeyres), its ratio target/control, block means of the log ratio, Welch or Mann-Whitney and an effect threshold.
// `after` starts after the warm-up. A pure function of its arguments.
// Returns `insufficient` with the reason while a side has too few windows, calls or controls, or lost most of its
// windows to resets; `regressed` early when the one-sided CUSUM trips (test "cusum trip").
[[nodiscard]] Verdict judge(const std::vector<StatementWindow>& before, const std::vector<StatementWindow>& after,
                            const StatementSets& sets, const VerifyOptions& options, const Season& season = {});

}  // namespace pgtend::change
